"""The units of systemd, beside the chart: one gateway and several on a machine run alike."""

from chart import ROOT

UNITS = ROOT / "packaging" / "systemd"


def told(name):
    return [line for line in (UNITS / name).read_text().splitlines() if line and not line.startswith("#")]


def test_several_on_a_machine_differ_by_their_names_alone():
    of_one = [
        line.replace(" (%i)", "").replace("/etc/keyweir/%i", "/etc/keyweir/policy").replace("keyweir-%i", "keyweir")
        for line in told("keyweir@.service")
    ]
    assert of_one == told("keyweir.service")
