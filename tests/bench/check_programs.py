"""The programs of the bench, each for a moment: that they measure at all, and that the peers' answers are right."""
import json
import subprocess

import pytest
from parts import load, peers, start


def test_a_constant_under_both_clients(run):
    run.answer_size = 700
    constant = peers.Microhttpd(run)
    constant.start()
    try:
        constant.check()
        row = load.window(constant, lambda: load.pace(run.tests / "pace", constant.address, 500, 8, 0.5))
        assert 150 < row["requests"] == row["sent"] < 350 and row["status"] == 0
        assert 0 < row["p50_us"] <= row["p99_us"] <= row["p999_us"]
        assert 0 < row["cpu_us"] < 5000
    finally:
        constant.stop()


def test_a_server_that_refuses_is_noticed(run):
    run.answer_size = 2
    constant = peers.Microhttpd(run)
    constant.start()
    try:
        with pytest.raises(AssertionError):
            run.answer_size = 3
            constant.check()
    finally:
        constant.stop()


class Gone(peers.Peer):
    """One that cannot be had."""
    name = "gone"

    def command(self):
        raise peers.Missing("not here")


def test_a_peer_that_cannot_be_had_is_left_out(run, capsys, monkeypatch):
    run.peers = peers.start_all(run, (peers.Nacre, Gone))
    assert [peer.name for peer in run.peers] == ["nacre"] and run.answer_size > 300
    assert "left out: gone: not here" in capsys.readouterr().err
    monkeypatch.setattr(peers.shutil, "which", lambda *_, **__: None)
    for get in (peers.build_axum, peers.find_nginx):
        with pytest.raises(peers.Missing):
            get(run.directory)


def test_a_signature_has_a_price(run):
    assert 1 < run.sign() < 1000


def test_first_answer_alone_and_traced(run):
    alone, traced = start.first_answer(run), start.first_answer(run, trace=True)
    assert alone["events"] == [] and 1000 < alone["total_us"] < 20e6
    found = start.phases(traced)
    assert sum(found.values()) == pytest.approx(traced["total_us"])
    assert found["check of the plugin: libraries, sandbox, plugin"] > 0


def test_first_answer_of_what_never_answers(run):
    done = subprocess.run([run.tests / "first-answer", "1", "{}", "/bin/false"], capture_output=True, text=True, timeout=60,
                          check=False)
    assert done.returncode == 1 and "no signed answer" in done.stderr


def test_the_axum_peer_signs_what_nacre_signs(run):
    """The same route, checked with the code that checks ours; and it refuses what is no hash."""
    peer = peers.Axum(run)
    try:
        peer.start()
    except peers.Missing as e:
        pytest.skip(f"axum peer: {e}")
    try:
        peer.check()
        for body, status in (({"payload": {"media_hash": "00", "metadata": ""}}, 400), ({"payload": {}}, 422)):
            assert peer.ask(json.loads(json.dumps(body))).status == status
    finally:
        peer.stop()
