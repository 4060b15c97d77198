"""`nacre eif build`, `measure`, `describe` and `verify` against a reader that is not ours."""

import json
import os

import pytest
from eif_parts import PLUGIN, eif, good, lines, refused
from eif_reader import CMDLINE, KERNEL, METADATA, RAMDISK, read

NOTHING = "21b9efbc184807662e966d34f390821309eeac6802309798826296bf3e8bec7c10edb30948c90ba67310f7b964fc500a"


def build(parts, target, *more, kernel="kernel", cmdline="quiet", ramdisks=("runtime.cpio.gz",), **options):
    ramdisk = [word for name in ramdisks for word in ("--ramdisk", parts / name)]
    return lines(good("build", "--kernel", parts / kernel, "--cmdline", cmdline, *ramdisk, "-o", target, *more, **options))


def test_an_image_is_what_its_parts_are(parts, image):
    found = read(image.read_bytes())
    assert found.good_crc and found.version == 4 and found.flags == 0
    assert found.memory == 1 << 30 and found.cpus == 2
    assert [kind for kind, _, _ in found.sections] == [KERNEL, CMDLINE, METADATA, RAMDISK, RAMDISK]
    assert found.data(KERNEL) == [(parts / "kernel").read_bytes()]
    assert found.data(CMDLINE) == [b"reboot=k panic=30"]
    assert found.data(RAMDISK) == [(parts / "runtime.cpio.gz").read_bytes(), (parts / "app.cpio.gz").read_bytes()]
    assert lines((parts / "image.pcrs").read_text()) == found.pcrs()


@pytest.mark.parametrize("ramdisks", [1, 2, 5, 27])
def test_any_number_of_ramdisks(parts, tmp_path, ramdisks):
    names = ["runtime.cpio.gz", "app.cpio.gz"] * 14
    pcrs = build(parts, tmp_path / "i", ramdisks=names[:ramdisks])
    found = read((tmp_path / "i").read_bytes())
    assert len(found.data(RAMDISK)) == ramdisks
    assert pcrs == found.pcrs() == lines(good("measure", tmp_path / "i"))
    assert (pcrs[2] == NOTHING and pcrs[0] == pcrs[1]) == (ramdisks == 1)


def test_pcr1_is_the_runtimes_and_pcr2_the_apps(parts, tmp_path):
    (tmp_path / "other").write_bytes(b"another app")
    one = build(parts, tmp_path / "1", ramdisks=("runtime.cpio.gz", "app.cpio.gz"))
    two = build(parts, tmp_path / "2", "--ramdisk", tmp_path / "other")
    assert one[1] == two[1] and one[2] != two[2] and one[0] != two[0]


def test_parts_are_measured_without_an_image(parts, image):
    assert good("measure", "--kernel", parts / "kernel", "--cmdline", "reboot=k panic=30", "--ramdisk",
                parts / "runtime.cpio.gz", "--app-ramdisk", parts / "app.cpio.gz") == (parts / "image.pcrs").read_text()


def test_a_command_line_from_a_file(parts, tmp_path):
    (tmp_path / "cmdline").write_text("quiet\n")
    good("build", "--kernel", parts / "kernel", "--cmdline-file", tmp_path / "cmdline", "--ramdisk",
         parts / "runtime.cpio.gz", "-o", tmp_path / "1")
    build(parts, tmp_path / "2")
    assert (tmp_path / "1").read_bytes() == (tmp_path / "2").read_bytes()


def test_arm64(parts, tmp_path):
    pcrs = build(parts, tmp_path / "i", "--arch", "aarch64", kernel="kernel.arm64")
    found = read((tmp_path / "i").read_bytes())
    assert found.flags == 1 and found.pcrs() == pcrs
    assert "for aarch64" in good("verify", tmp_path / "i")


def test_a_kernel_of_the_other_architecture_or_none(parts, tmp_path):
    (tmp_path / "text").write_text("no kernel " * 100)
    common = ("--cmdline", "", "--ramdisk", parts / "runtime.cpio.gz", "-o", tmp_path / "i")
    err = refused("build", "--kernel", parts / "kernel.arm64", "--arch", "x86_64", *common)
    assert "for aarch64, expected one for x86_64" in err
    err = refused("build", "--kernel", tmp_path / "text", *common)
    assert "HdrS" in err and "ARM" in err and "1000 bytes" in err
    assert not (tmp_path / "i").exists()


def test_metadata_in_the_shape_of_awss_tools(parts, tmp_path):
    (tmp_path / "mine.json").write_text('{"commit":"abc","list":[1,{"x":null}]}')
    build(parts, tmp_path / "i", "--name", "shop \"1\"", "--version", "v2", "--metadata", tmp_path / "mine.json",
          env=dict(os.environ, SOURCE_DATE_EPOCH="1763632800"))
    meta = json.loads(read((tmp_path / "i").read_bytes()).data(METADATA)[0])
    assert list(meta) == ["ImageName", "ImageVersion", "BuildMetadata", "DockerInfo", "CustomMetadata"]
    assert meta["ImageName"] == 'shop "1"' and meta["ImageVersion"] == "v2" and meta["DockerInfo"] is None
    assert meta["CustomMetadata"] == {"commit": "abc", "list": [1, {"x": None}]}
    assert meta["BuildMetadata"]["BuildTime"] == "2025-11-20T10:00:00+00:00"
    assert meta["BuildMetadata"]["KernelVersion"] == "6.12.1-test"
    assert sorted(meta["BuildMetadata"]) == ["BuildTime", "BuildTool", "BuildToolVersion", "KernelVersion", "OperatingSystem"]
    said = json.loads(good("describe", "--json", tmp_path / "i"))
    assert said["Metadata"]["commit"] == "abc" and said["Metadata"]["list"] == [1, {"x": None}]
    assert said["ImageName"] == 'shop "1"' and said["Metadata"]["BuildTime"] == "2025-11-20T10:00:00+00:00"


@pytest.mark.parametrize("text, word", [("[]", "no JSON object"), ("{", "no JSON object"), ("{} x", "no JSON object"),
                                        ('{"a":"' + "x" * 4096 + '"}', "4096")])
def test_metadata_that_is_not_taken(parts, tmp_path, text, word):
    (tmp_path / "m").write_text(text)
    assert word in refused("build", "--kernel", parts / "kernel", "--cmdline", "", "--ramdisk", parts / "runtime.cpio.gz",
                           "-o", tmp_path / "i", "--metadata", tmp_path / "m")


def test_the_time_is_source_date_epochs_or_none(parts, tmp_path):
    without = {k: v for k, v in os.environ.items() if k != "SOURCE_DATE_EPOCH"}
    build(parts, tmp_path / "1", env=without)
    build(parts, tmp_path / "2", env=dict(without, SOURCE_DATE_EPOCH="0", TZ="Asia/Tokyo", LC_ALL="C.UTF-8"))
    assert (tmp_path / "1").read_bytes() == (tmp_path / "2").read_bytes()
    for wrong in ("", "x", "-1", "12 ", "99999999999999999999"):
        assert "SOURCE_DATE_EPOCH" in refused("build", "--kernel", parts / "kernel", "--cmdline", "", "--ramdisk",
                                              parts / "runtime.cpio.gz", "-o", tmp_path / "3",
                                              env=dict(without, SOURCE_DATE_EPOCH=wrong))


def test_describe_has_nitro_clis_members(image, parts):
    said = json.loads(good("describe", "--json", image))
    assert list(said) == ["EifVersion", "Measurements", "IsSigned", "CheckCRC", "ImageName", "ImageVersion", "Metadata"]
    pcrs = lines((parts / "image.pcrs").read_text())
    assert said["Measurements"] == {"HashAlgorithm": "Sha384 { ... }", **{f"PCR{n}": v for n, v in pcrs.items()}}
    assert said["EifVersion"] == 4 and said["IsSigned"] is False and said["CheckCRC"] is True
    text = good("describe", image)
    for value in pcrs.values():
        assert value in text


def test_verify_says_what_holds(image, parts):
    text = good("verify", image, "--pcrs", parts / "image.pcrs", "--app", PLUGIN, "--config", parts / "config")
    assert "structure" in text and "those of" in text and "built again" in text and "PCR1 says nothing" not in text
    assert "PCR1 says nothing" in good("verify", image)


@pytest.mark.parametrize("change, word", [
    (lambda t: t.replace("0", "1", 1), "the file says"),
    (lambda t: t.replace("PCR1", "PCR3"), "PCR3"),
    (lambda t: "".join(t.splitlines(True)[:2]), "no line for PCR2"),
    (lambda t: t + t, "twice"),
    (lambda t: t + "0" * 96 + " PCR8\n", "not signed"),
    (lambda t: t[1:], "not of the form"),
    (lambda t: t.replace(" PCR", "  PCR"), "not of the form"),
    (lambda t: "", "no line for PCR0"),
])
def test_measurements_that_are_not_the_files(image, parts, tmp_path, change, word):
    (tmp_path / "p").write_text(change((parts / "image.pcrs").read_text()))
    assert word in refused("verify", image, "--pcrs", tmp_path / "p")


@pytest.mark.parametrize("command", ["build", "describe", "measure", "verify", "ramdisk", "list"])
def test_every_command_explains_itself(command):
    assert good(command, "--help").startswith(f"usage: nacre eif {command} ")
    code, out, err = eif(command, "--no-such-option")
    assert code == 2 and out == "" and err


@pytest.mark.parametrize("words, said", [
    (("build", "--cmdline", "x", "--ramdisk", "r", "-o", "o"), "--kernel FILE is missing"),
    (("build", "--kernel", "k", "--ramdisk", "r", "-o", "o"), "--cmdline TEXT is missing"),
    (("build", "--kernel", "k", "--cmdline", "x", "--cmdline-file", "f", "--ramdisk", "r", "-o", "o"), "both there"),
    (("build", "--kernel", "k", "--cmdline", "x", "-o", "o"), "--ramdisk FILE is missing"),
    (("build", "--kernel", "k", "--cmdline", "x", "--ramdisk", "r"), "-o FILE is missing"),
    (("build", "--kernel", "k", "--cmdline", "x", "--ramdisk", "r", "-o", "o", "--sign-key", "k"), "belong together"),
    (("build", "--arch", "riscv"), "x86_64 and aarch64"),
    (("build", "--memory", "0"), "from 1 to"),
    (("build", "--cpus", "two"), "from 1 to"),
    (("build", "--kernel", "k", *["--ramdisk", "r"] * 28), "more than 27 ramdisks"),
    (("build", "stray"), "'stray' is no option"),
    (("measure", "i", "--kernel", "k"), "one image, or parts"),
    (("measure",), "--kernel FILE is missing"),
    (("describe",), "one IMAGE"),
    (("describe", "a", "b"), "one IMAGE"),
    (("verify", "i", "--app", "p"), "belong together"),
    (("ramdisk", "-o", "f"), "--root DIR or --app PLUGIN.so is missing"),
    (("ramdisk", "--app", "p", "-o", "f"), "--config DIR is missing"),
    (("ramdisk", "--root", "d"), "-o FILE is missing"),
    (("ramdisk", "--app", "p", "--config", "c", "--stored", "-o", "f"), "go with --root"),
    (("list",), "one FILE"),
])
def test_mistakes_on_the_command_line(words, said):
    code, out, err = eif(*words)
    assert code == 2 and out == "" and said in err and "see --help" in err, err


@pytest.mark.parametrize("node", ["", "x", "x=", "x=c", "x=c:1", "x=c:1:", "x=q:1:2", "x=c:4096:1", "x=c:1:2:9", "x=c:1:2:0777 ",
                                  "x=c:-1:2", "/x=c:1:2", "../x=c:1:2", "=c:1:2"])
def test_nodes_that_are_none(tmp_path, node):
    (tmp_path / "root").mkdir()
    assert refused("ramdisk", "--root", tmp_path / "root", "--node", node, "-o", tmp_path / "r")
    assert not (tmp_path / "r").exists()
