"""The counting itself."""

from __future__ import annotations

from threading import Thread

import pytest

from clacks_events.gateway.metrics import KINDS, Metrics


def samples(metrics: Metrics) -> dict[str, float]:
    lines = (line for line in metrics.text().decode().splitlines() if line[:1] != "#")
    return {name: float(value) for name, _, value in (line.rpartition(" ") for line in lines)}


@pytest.mark.parametrize("kind", KINDS)
def test_streams_and_what_they_get(kind: str) -> None:
    metrics = Metrics()
    metrics.opened(kind)
    metrics.opened(kind)
    metrics.closed(kind)
    metrics.delivered(kind, 3)
    metrics.lost(kind, 2)
    found = samples(metrics)
    assert found[f'clacks_streams{{kind="{kind}"}}'] == 1
    assert found[f'clacks_events_delivered_total{{kind="{kind}"}}'] == 3
    assert found[f'clacks_events_lost_total{{kind="{kind}"}}'] == 2


def test_polls_and_channels() -> None:
    metrics = Metrics()
    metrics.channel_opened()
    metrics.channel_opened()
    metrics.channel_closed()
    metrics.poll_began()
    metrics.poll_began()
    metrics.poll_ended(3.0)
    found = samples(metrics)
    assert found["clacks_channels"] == 1
    assert found["clacks_polls_waiting"] == 1
    assert found['clacks_poll_wait_seconds_bucket{le="2.5"}'] == 0
    assert found['clacks_poll_wait_seconds_bucket{le="5.0"}'] == 1


def test_times() -> None:
    metrics = Metrics()
    metrics.observe_publish(0.002)
    metrics.observe_delivery(-0.5)
    found = samples(metrics)
    assert found["clacks_publish_seconds_sum"] == 0.002
    assert found["clacks_delivery_seconds_sum"] == 0


def test_two_gateways_count_apart() -> None:
    one, other = Metrics(), Metrics()
    one.delivered("sse", 5)
    assert samples(other)['clacks_events_delivered_total{kind="sse"}'] == 0


def test_threads_lose_no_count() -> None:
    metrics = Metrics()

    def count() -> None:
        for _ in range(2000):
            metrics.observe_publish(0.001)

    threads = [Thread(target=count) for _ in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert samples(metrics)["clacks_publish_seconds_count"] == 8000


def test_methods_of_clients_are_bounded() -> None:
    metrics = Metrics()
    for number in range(50):
        metrics.request(f"X{number}", "/types", 405)
    found = samples(metrics)
    name = 'clacks_http_requests_total{method="other",route="/types",status="405"}'
    assert found[name] == 50
