"""What a configuration leaves open to a network is said in a sentence each."""

import pytest

from chartfeed import exposure, settings

HERE = "centers:\n  - {id: a, name: A, server: '127.0.0.1,14330', database: d}"
AWAY = "centers:\n  - {id: a, name: A, server: 'tcp:praxis-07\\IVORIS,1433', database: d}"

TLS = "kafka: {{bootstrap: 'k:1', options: {{security.protocol: ssl, {}}}}}"


@pytest.fixture
def warned(tmp_path):
    def of(text, centers=AWAY):
        (tmp_path / "centers.yml").write_text(centers)
        (tmp_path / "chartfeed.yml").write_text(text)
        return exposure.warnings(settings.load(tmp_path / "chartfeed.yml", {}))

    return of


def test_the_defaults_expose_nothing(warned):
    assert [] == warned("{}")


@pytest.mark.parametrize(
    ("text", "due"),
    [
        ("sqlserver: {encrypt: false}", "sqlserver.encrypt is false"),
        ("sqlserver: {trust_server_certificate: true}", "gets the password"),
        ("kafka: {bootstrap: 'kafka:9092'}", "kafka.options has no security.protocol"),
        (
            TLS.format("enable.ssl.certificate.verification: false"),
            "nobody checks who the broker is",
        ),
        (
            TLS.format("ssl.endpoint.identification.algorithm: none"),
            "any certified host",
        ),
        ("registry: {url: 'http://registry/x', token_env: A}", "registry.url is no https"),
        ("notices: {webhook: {url: 'http://hooks/x'}}", "notices.webhook.url is no https"),
        ("notices: {slack: {url: 'http://hooks/x'}}", "notices.slack.url is no https"),
    ],
)
def test_what_is_off_is_told(warned, text, due):
    (sentence,) = warned(text)

    assert due in sentence


@pytest.mark.parametrize(
    "text",
    [
        "sqlserver: {encrypt: false}",
        "sqlserver: {trust_server_certificate: true}",
        "kafka: {bootstrap: '127.0.0.1:9092,[::1]:9092,localhost:1'}",
    ],
)
def test_what_stays_on_this_machine_is_exposed_to_nobody(warned, text):
    assert [] == warned(text, HERE)


def test_tls_to_kafka_is_nothing_to_warn_of(warned):
    assert [] == warned("kafka: {bootstrap: 'k:1', options: {security.protocol: SASL_SSL}}")
