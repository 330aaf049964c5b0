"""Events that the benchmarked queries are asked of, of 3 to 40 fields."""

from __future__ import annotations

from collections.abc import Mapping

from clacks_events import NAMESPACE

__all__ = [
    "AIR",
    "ALERT",
    "CALL",
    "CAP",
    "CDR",
    "CHAT",
    "CHECK",
    "JOB",
    "MESSAGE",
    "METAR",
    "MISSED",
    "NOTAM",
    "OPS",
    "PAY",
    "PAYMENT",
    "RECORD",
    "WEATHER",
    "F",
]

F = {"f": NAMESPACE}
E = {"e": NAMESPACE}
CAP = {**E, "cap": "urn:oasis:names:tc:emergency:cap:1.2"}
CHAT = {**E, "x": "jabber:client"}
CDR = {**E, "c": "urn:example:cdr"}
PAY = {**E, "p": "urn:example:payment"}
AIR = {**E, "a": "urn:example:aviation"}
OPS = {**E, "i": "urn:example:infrastructure"}


def event(payload: str, source: str) -> bytes:
    attributes = "id='01939f0e-1c3a-7000-8000-000000000001' time='2026-03-01T12:00:00.000Z'"
    start = f"<e:Event xmlns:e='{NAMESPACE}' {attributes} source='{source}'>"
    return f"{start}{payload}</e:Event>".encode()


def fields(**values: object) -> str:
    """Return elements; a list is a field that is repeated."""
    pairs = ((n, v if isinstance(v, list) else [v]) for n, v in values.items())
    return "".join(f"<{name}>{value}</{name}>\n" for name, found in pairs for value in found)


def payload(name: str, namespaces: Mapping[str, str], content: str) -> str:
    return f"<{name} xmlns='{list(namespaces.values())[-1]}'>\n{content}</{name}>"


CALL = event(
    payload("PhoneStatus", F, fields(CallerId="+49293312345", ReceiverId=300, Status="busy")), "pbx"
)
MISSED = event(
    payload(
        "AMINotification",
        F,
        f"<Call>{fields(Type='CallMissed', Identity=1, From=100, To=200, Timestamp=1.5)}</Call>",
    ),
    "pbx",
)
JOB = event(payload("SchedulerUpdate", F, fields(Id=17)), "one")
WEATHER = event(
    f"<weather>{fields(station='Raleigh-Durham International Airport (KRDU)', wind_speed_mph=16)}"
    f"{fields(temperature_f=70, dewpoint=35)}</weather>",
    "station",
)


def pairs(tag: str, **values: object) -> str:
    return "".join(
        f"<{tag}>{fields(valueName=name, value=value)}</{tag}>" for name, value in values.items()
    )


def info(event: str, severity: str, urgency: str) -> str:
    area = fields(areaDesc="Yolo County", polygon="38.47,-120.14 38.34,-119.95 38.47,-120.14")
    first = fields(category="Met", event=event, urgency=urgency, severity=severity)
    then = fields(
        certainty="Observed",
        onset="2026-03-01T11:00:00-08:00",
        expires="2026-03-01T16:00:00-08:00",
        headline=f"{event.upper()} UNTIL 4 PM PST",
        description="At 1120 AM a river gauge was above flood stage and rising.",
    )
    codes = pairs("geocode", SAME="006113", UGC="CAC113", FIPS6="006113")
    parameters = pairs("parameter", VTEC="NEW.KSTO.FL.W.0007", HAIL="0.00")
    return f"<info>{first}{then}{parameters}<area>{area}{codes}</area></info>\n"


ALERT = event(
    payload(
        "alert",
        CAP,
        fields(identifier="KSTO1055887203", sender="KSTO@NWS.NOAA.GOV", status="Actual")
        + fields(sent="2026-03-01T11:20:00-08:00", msgType="Alert", scope="Public")
        + info("Flood Warning", "Severe", "Immediate")
        + info("Wind Advisory", "Minor", "Expected"),
    ),
    "nws",
)
MESSAGE = event(
    "<message xmlns='jabber:client' type='chat' id='m1' from='romeo@example.com/orchard'"
    " to='juliet@example.net'><body>Neither, fair saint, if either thee dislike.</body>"
    "<subject>Balcony</subject><thread>e0ffe42b</thread><active/></message>",
    "chat",
)
RECORD = event(
    payload(
        "cdr",
        CDR,
        fields(id="4711", site="berlin", direction="outbound", caller="+493012345", trunk="sip-3")
        + fields(destination="+442079460000", codec="opus", duration=754, cost="2.40", mos=4.1)
        + "".join(
            f"<leg n='{n}'>{fields(seconds=seconds, cause=cause, peer=f'10.0.0.{n}')}</leg>\n"
            for n, (seconds, cause) in enumerate(((31, 16), (412, 16), (311, 127)), 1)
        ),
    ),
    "switch-7",
)
PAYMENT = event(
    payload(
        "payment",
        PAY,
        fields(reference="20260301778", channel="card", country="FR", issuer="DE", terminal=77)
        + "<amount currency='EUR'>12450.50</amount><merchant id='m-881'>"
        "<name>  Librairie\n du Pont </name><mcc>5942</mcc></merchant>\n"
        + "".join(
            f"<item>{fields(sku=sku, quantity=quantity, price=price)}</item>\n"
            for sku, quantity, price in (("a1", 1, 450.5), ("b2", 10, 400), ("c3", 2, 4000))
        ),
    ),
    "acquirer",
)
METAR = event(
    payload(
        "metar",
        AIR,
        fields(station="EDDF", observed="2026-03-01T11:50:00Z", visibility=1200, temperature=4)
        + fields(dewpoint=3, qnh=1009, weather=["FG", "DZ"], cloud=["OVC002", "BKN009"])
        + "<wind direction='250' speed='18' gust='44' unit='KT'/><runway n='25C'><rvr>800</rvr>"
        "</runway><runway n='25L'><rvr>600</rvr></runway>",
    ),
    "dwd",
)
NOTAM = event(
    payload(
        "notam",
        AIR,
        fields(
            id="A0123/26", fir="EDGG", location=["EDDF", "EDFH"], text="  Rwy 07L\n clsd due WIP"
        )
        + f"<q>{fields(code='QMRLC', traffic='IV', purpose='NBO', lower=0, upper=999)}</q>"
        + fields(begin="2026-03-01T06:00:00Z", end="2026-03-02T20:00:00Z", schedule="DAILY 06-20"),
    ),
    "dfs",
)
CHECK = event(
    payload(
        "check",
        OPS,
        fields(host="db1", service="postgres", state="CRITICAL", attempt=4, site="fra2")
        + fields(acknowledged="false", output="connection slots exhausted", rack="b-17")
        + "".join(
            f"<metric name='{name}' value='{value}' unit='{unit}'/>\n"
            for name, value, unit in (
                ("load1", 11.2, ""),
                ("connections", 498, ""),
                ("lag", 40, "s"),
                ("latency", 9.5, "ms"),
            )
        ),
    ),
    "monitor",
)
