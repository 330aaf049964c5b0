"""Queries as seen in the wild, and as they might be."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field

from tests.bench.documents import (
    AIR,
    ALERT,
    CALL,
    CAP,
    CDR,
    CHAT,
    CHECK,
    JOB,
    MESSAGE,
    METAR,
    MISSED,
    NOTAM,
    OPS,
    PAY,
    PAYMENT,
    RECORD,
    WEATHER,
    F,
)

__all__ = ["REALISTIC", "SEEN", "Case", "Header"]

Header = str | int | float
"""What comes with an event."""


@dataclass(frozen=True, slots=True)
class Case:
    """A query in parts, and the event that it is asked of.

    ``xpath`` says the body in XPath 3.1 where it is more than that.
    """

    body: str
    data: bytes
    namespaces: Mapping[str, str] = field(default_factory=dict)
    headers: Mapping[str, Header] = field(default_factory=dict)
    types: Mapping[str, str] = field(default_factory=dict)
    functions: str = ""
    xpath: str = ""

    @property
    def prolog(self) -> str:
        """What Saxon is told, too, which gets the headers as arguments."""
        declared = (f"declare namespace {p} = '{uri}'; " for p, uri in self.namespaces.items())
        return "".join(declared) + self.functions

    @property
    def query(self) -> str:
        """The whole, as a filter."""
        types = {name: f" as {type}" for name, type in self.types.items()}
        externals = (
            f"declare variable ${name}{types.get(name, '')} external; " for name in self.headers
        )
        return f"{self.prolog}{''.join(externals)}{self.body}"


WIND = (
    "$w/station = 'Raleigh-Durham International Airport (KRDU)' and $w/temperature_f > 50"
    " and $w/temperature_f - $w/dewpoint > 5 and $w/wind_speed_mph > 7 and $w/wind_speed_mph < 20"
)

SEEN = (
    Case(".", CALL),
    Case("true()", CALL),
    Case("let $e := ./f:Event return $e/f:PhoneStatus", CALL, F),
    Case(
        "let $e := ./f:Event return $e/f:A or $e/f:B or $e/f:C or $e/f:D or $e/f:PhoneStatus",
        CALL,
        F,
    ),
    Case("let $e := ./f:Event/f:AMINotification return $e/f:Call", MISSED, F),
    Case("let $e := ./f:Event return $e/f:SchedulerUpdate and $e/f:Id != 'ID'", JOB, F),
    Case("./*/weather", WEATHER),
    Case(f"let $w := ./*/weather return {WIND}", WEATHER),
    Case(
        "(./f:Event/f:SchedulerUpdate/f:Id mod 2 = 1) and ($color = 'blue')",
        JOB,
        F,
        {"color": "blue"},
    ),
    Case("./f:Event/f:PhoneStatus/f:Status = 'busy'", CALL, F),
    Case("$s = 'string' and $i = 1 and $d < 1", CALL, headers={"s": "string", "i": 1, "d": 0.5}),
    Case(
        "$s = 'string' and $i = 1",
        CALL,
        headers={"s": "string", "i": 1},
        types={"s": "xs:string", "i": "xs:integer"},
    ),
    Case("$qpid.subject = 'x'", CALL, headers={"qpid.subject": "x"}),
)
"""What users of Clacks and of Qpid's XML exchange wrote."""


REALISTIC = (
    Case("/e:Event/cap:alert/cap:info/cap:severity = ('Extreme', 'Severe')", ALERT, CAP),
    Case(
        "/e:Event/cap:alert/cap:info[1]/cap:area/cap:geocode[cap:valueName = 'SAME']/cap:value"
        " = '006113'",
        ALERT,
        CAP,
    ),
    Case(
        "let $i := /e:Event/cap:alert/cap:info[cap:urgency = 'Immediate'] where"
        " xs:dateTime($i[1]/cap:expires) > xs:dateTime('2026-03-01T12:00:00Z') return true()",
        ALERT,
        CAP,
        xpath="let $i := /e:Event/cap:alert/cap:info[cap:urgency = 'Immediate'] return"
        " xs:dateTime($i[1]/cap:expires) > xs:dateTime('2026-03-01T12:00:00Z')",
    ),
    Case(
        "some $i in //cap:info satisfies $i/cap:certainty = 'Observed'"
        " and contains($i/cap:event, 'Flood')",
        ALERT,
        CAP,
    ),
    Case(
        "/e:Event/x:message[@type = 'chat' and starts-with(@from, 'romeo@')]"
        "/x:body[string-length(.) > 10]",
        MESSAGE,
        CHAT,
    ),
    Case(
        "ends-with(/e:Event/x:message/@to, '@example.net') and not(/e:Event/x:message/x:delay)",
        MESSAGE,
        CHAT,
    ),
    Case(
        "/e:Event/c:cdr[c:direction = 'outbound'][c:duration > 300]"
        "/c:destination[starts-with(., '+44')]",
        RECORD,
        CDR,
    ),
    Case("sum(/e:Event/c:cdr/c:leg/c:seconds) > 600 and count(//c:leg) >= 2", RECORD, CDR),
    Case(
        "for $l in /e:Event/c:cdr/c:leg where $l/c:cause != '16'"
        " order by number($l/c:seconds) descending return $l/c:peer",
        RECORD,
        CDR,
        xpath="for $l in /e:Event/c:cdr/c:leg"
        " return if ($l/c:cause != '16') then $l/c:peer else ()",
    ),
    Case(
        "/e:Event/c:cdr/c:site = $site and number(/e:Event/c:cdr/c:cost) gt $limit",
        RECORD,
        CDR,
        {"site": "berlin", "limit": 1.5},
    ),
    Case("/e:Event/p:payment/p:amount[@currency = ('EUR', 'USD')] > 10000", PAYMENT, PAY),
    Case(
        "let $p := /e:Event/p:payment return switch ($p/p:channel)"
        " case 'card' return $p/p:amount > 5000 case 'cash' return $p/p:amount > 1000"
        " default return false()",
        PAYMENT,
        PAY,
        xpath="let $p := /e:Event/p:payment return if ($p/p:channel = 'card') then"
        " $p/p:amount > 5000 else if ($p/p:channel = 'cash') then $p/p:amount > 1000 else false()",
    ),
    Case(
        "local:risky(/e:Event/p:payment)",
        PAYMENT,
        PAY,
        functions="declare function local:risky($p as element()) as xs:boolean"
        " { $p/p:country != $p/p:issuer and $p/p:amount > 1000 }; ",
        xpath="let $p := /e:Event/p:payment return $p/p:country != $p/p:issuer"
        " and $p/p:amount > 1000",
    ),
    Case("//p:reference castable as xs:integer and xs:decimal(//p:amount) ge 100.00", PAYMENT, PAY),
    Case(
        "every $i in /e:Event/p:payment/p:item satisfies $i/p:quantity * $i/p:price < 9000",
        PAYMENT,
        PAY,
    ),
    Case(
        "/e:Event/a:metar[a:station = ('EDDF', 'EDDM')][a:weather = 'FG']/a:wind/@gust > 40"
        " or /e:Event/a:metar/a:runway/a:rvr < 550",
        METAR,
        AIR,
    ),
    Case(
        "contains(upper-case(normalize-space(/e:Event/a:notam/a:text)), 'RWY 07L CLSD')",
        NOTAM,
        AIR,
    ),
    Case(
        "let $n := /e:Event/a:notam return $n/a:q/a:lower <= 100 and $n/a:q/a:upper >= 50"
        " and $n/a:location = 'EDFH' and exists($n/a:schedule)",
        NOTAM,
        AIR,
    ),
    Case(
        "/e:Event/i:check[i:state = 'CRITICAL' and i:host = ('db1', 'db2')]"
        "/i:metric[@name = 'load1']/@value > 8",
        CHECK,
        OPS,
    ),
    Case(
        "if (//i:acknowledged = 'true') then false() else"
        " /e:Event/i:check/i:attempt = 3 to 5 and //i:metric[last()]/@unit = 'ms'",
        CHECK,
        OPS,
    ),
)
"""What users might write for alerts, chat, telephony, payments, aviation and operations."""
