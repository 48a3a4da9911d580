import pytest

from agent.gauges import CgroupGauge, ProcGauge, find_gauge

V2 = {
    "cpu.stat": "usage_usec 2000000\nuser_usec 1\n",
    "memory.stat": "anon 1000\nfile 5000\nshmem 200\n",
    "memory.events": "low 0\noom 1\noom_kill 1\n",
    "pids.events": "max 3\n",
}
V1 = {
    "cpuacct/cpuacct.usage": "2000000000\n",
    "memory/memory.stat": "cache 1\nrss 7\ntotal_rss 1000\ntotal_shmem 200\n",
    "memory/memory.oom_control": "oom_kill_disable 0\nunder_oom 0\noom_kill 1\n",
    "pids/pids.events": "max 3\n",
}
MORE = {
    "cpu.stat": "usage_usec 3500000\n",
    "memory.stat": "anon 9000\nshmem 400\n",
    "memory.events": "oom_kill 2\n",
    "cpuacct/cpuacct.usage": "3500000000\n",
    "memory/memory.stat": "total_rss 9000\ntotal_shmem 400\n",
    "memory/memory.oom_control": "oom_kill 2\n",
}


def write(root, files):
    for name, text in files.items():
        path = root / name
        path.parent.mkdir(exist_ok=True)
        path.write_text(text)


@pytest.mark.parametrize(("version", "files"), [(2, V2), (1, V1)])
def test_both_versions_of_cgroups_are_read_as_differences_from_the_start(tmp_path, version, files):
    write(tmp_path, files)
    gauge = find_gauge(str(tmp_path))
    assert isinstance(gauge, CgroupGauge)

    gauge.start()
    write(tmp_path, {name: text for name, text in MORE.items() if name in files})

    assert gauge.version == version
    assert gauge.cpu_s(0.0) == pytest.approx(1.5, abs=0.1)
    assert gauge.memory_bytes() == 8200
    assert gauge.oom_kills() == 1
    assert gauge.refused_forks() == 3


def test_cpu_time_is_never_less_than_what_the_dead_used(tmp_path):
    write(tmp_path, V2)
    gauge = find_gauge(str(tmp_path))
    gauge.start()

    assert gauge.cpu_s(7.0) == 7.0


def test_memory_that_was_given_back_does_not_count_below_zero(tmp_path):
    write(tmp_path, V2)
    gauge = find_gauge(str(tmp_path))
    gauge.start()

    write(tmp_path, {"memory.stat": "anon 0\nshmem 0\n"})

    assert gauge.memory_bytes() == 0


def test_without_a_cgroup_processes_are_summed(tmp_path):
    gauge = find_gauge(str(tmp_path))
    gauge.start()

    assert isinstance(gauge, ProcGauge)
    assert gauge.memory_bytes() > 0
    assert gauge.cpu_s(1.0) >= 1.0
    assert gauge.oom_kills() == gauge.refused_forks() == 0
