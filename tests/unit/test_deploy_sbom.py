"""The bill of materials names what is shipped beside Python's packages."""

from deploy.sbom import HTMX, complete


def test_the_consoles_script_is_in_it_once():
    package = {"bom-ref": "requirements-L1", "name": "fastavro"}

    once = complete({"components": [package]})
    twice = complete(once)

    names = [one["name"] for one in twice["components"]]
    assert ["fastavro", "htmx.org"] == names
    assert twice["components"][1]["version"].encode() in HTMX.read_bytes()
    assert 64 == len(twice["components"][1]["hashes"][0]["content"])
