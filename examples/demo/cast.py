"""Who plays in the demo, and what they say."""

from __future__ import annotations

from clacks_events import NAMESPACE

PUBLISHERS = ("phones", "roof")

CONSUMERS = {
    "wall": {
        "calls": "/e:Event/e:PhoneStatus",
        "outside": "/e:Event[@source = 'roof/thermometer']",
    },
    "desk": {
        "busy": """\
let $call := /e:Event/e:PhoneStatus
where $call/e:Status = 'busy'
return $call""",
        "frost": """\
declare namespace w = 'urn:example:weather';
/e:Event/w:Weather[w:Celsius < 0]""",
    },
}
"""The queries of each, by labels."""

PURPOSES = {
    "calls": "a type: the server decides",
    "outside": "a source, whatever it says: the server decides",
    "busy": "a type with some content: the server decides on the type, the desk on the rest",
    "frost": "the same with a type that does not exist yet",
}

WEATHER = "{urn:example:weather}Weather"
WEATHER_XSD = """\
<xs:schema xmlns:xs="http://www.w3.org/2001/XMLSchema"
           targetNamespace="urn:example:weather" elementFormDefault="qualified">
  <xs:element name="Weather">
    <xs:complexType>
      <xs:sequence>
        <xs:element name="Station" type="xs:string"/>
        <xs:element name="Celsius" type="xs:decimal"/>
      </xs:sequence>
    </xs:complexType>
  </xs:element>
</xs:schema>
"""


THERMOMETER = "thermometer"
"""What of the roof the weather comes from: the source of these events is roof/thermometer."""


def call(status: str) -> str:
    return (
        f'<PhoneStatus xmlns="{NAMESPACE}"><CallerId>0123</CallerId>'
        f"<ReceiverId>4567</ReceiverId><Status>{status}</Status></PhoneStatus>"
    )


def weather(celsius: str) -> str:
    return f"""\
<Weather xmlns="urn:example:weather">
  <Station>roof</Station>
  <Celsius>{celsius}</Celsius>
</Weather>"""


NOTIFICATION = (
    f'<Notification xmlns="{NAMESPACE}"><Target>0123</Target><Body>Call back!</Body></Notification>'
)
