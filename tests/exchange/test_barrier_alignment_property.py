"""Barrier alignment, for any interleaving: a task's snapshot holds of each channel exactly what was before its barrier."""

from hypothesis import given
from hypothesis import strategies as st

from penstock.checkpoint.aligner import Aligner
from penstock.control.barrier import Barrier

END = "end"
Script = list[str | int]


def channel_scripts(checkpoints: int) -> st.SearchStrategy[Script]:
    """Records ("r"), the barriers 1 to n in order, maybe some of them lost, maybe an end."""

    def build(counts: list[int], kept: list[bool], ends: bool) -> Script:
        script: Script = []
        for number, (records, is_kept) in enumerate(zip(counts, kept, strict=True), 1):
            script += ["r"] * records + ([number] if is_kept else [])
        return [*script, END] if ends else script

    return st.builds(
        build,
        st.lists(st.integers(0, 3), min_size=checkpoints, max_size=checkpoints),
        st.lists(st.just(True) | st.booleans(), min_size=checkpoints, max_size=checkpoints),
        st.booleans(),
    )


@given(st.lists(channel_scripts(3), min_size=1, max_size=4), st.randoms(use_true_random=False))
def test_no_record_crosses_its_barrier(scripts: list[Script], order: object) -> None:
    pick = order.choice  # type: ignore[attr-defined]
    aligner = Aligner(len(scripts))
    rest = [list(script) for script in scripts]
    seen = [0] * len(scripts)
    completed: list[int] = []
    while True:
        live = [number for number, script in enumerate(rest) if script and number not in aligner.held]
        if not live:
            break
        channel = pick(live)
        element = rest[channel].pop(0)
        done = None
        if element == "r":
            seen[channel] += 1
        elif element == END:
            done = aligner.on_end(channel)
        else:
            done = aligner.on_barrier(channel, Barrier(int(element), 0, ""), 0.0)
        if done is None:
            continue
        completed.append(done.checkpoint_id)
        assert aligner.held == set()
        for number, script in enumerate(scripts):
            if done.checkpoint_id in script:
                assert seen[number] == script[: script.index(done.checkpoint_id)].count("r")
            else:
                assert END in script
                assert seen[number] == script.count("r")
    assert completed == sorted(set(completed))
    if all(set(script) >= {1, 2, 3} for script in scripts):
        assert completed == [1, 2, 3]
