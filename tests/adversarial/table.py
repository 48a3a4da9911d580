"""The table of hostile programs. Each is judged in both modes of the sandbox by ``test_adversarial_programs.py``."""

from __future__ import annotations

from dataclasses import replace

from domain.code_runs.model import Limits, RunResult, SourceFile, Verdict
from tests.adversarial.hostile import (
    ROOMY,
    SHORT,
    Hostile,
    compile_output_is_capped,
    compiler_complains,
    complains,
    cpu_is_about,
    ends_by,
    exits_with,
    keeps_prefix,
    little_cpu,
    prints,
)

AC = frozenset({Verdict.ACCEPTED})
WA = frozenset({Verdict.WRONG_ANSWER})
CE = frozenset({Verdict.COMPILE_ERROR})
RE = frozenset({Verdict.RUNTIME_ERROR})
TLE = frozenset({Verdict.TIME_LIMIT})
MLE = frozenset({Verdict.MEMORY_LIMIT})
OLE = frozenset({Verdict.OUTPUT_LIMIT})

REFUSED = b"refused\n"
BOMB = Limits(cpu_s=1.5, wall_s=5.0, memory_bytes=1 << 30, processes=64, output_bytes=16384, file_bytes=64 << 20)
# For what is to end by its CPU time, however little of it a busy machine gives.
SPINNING = replace(SHORT, wall_s=15.0)
# What every runtime must be able to start in.
LITTLE_MEMORY = replace(ROOMY, memory_bytes=64 << 20)
SEGV = ends_by(11)
SECONDS_LONG = replace(ROOMY, cpu_s=8.0, wall_s=20.0)

PROCESSES = (
    Hostile("fork_bomb", "fork_bomb.py", "piston", RE | TLE | MLE | OLE),
    Hostile("fork_bomb_shell", "fork_bomb.sh", "piston", RE | TLE | OLE),
    Hostile("fork_bomb_that_refills", "fork_bomb_stubborn.c", "own", TLE, (ends_by(9),), limits=SPINNING),
    Hostile("thousand_forks", "thousand_forks.c", "jobe", AC, (), b"OK\n", replace(SHORT, cpu_s=2.0)),
    Hostile("child_answers", "child_answers.c", "cms", AC, (), b"42\n"),
    Hostile("orphan_holds_stdout", "orphan_holds_stdout.c", "piston", AC, (prints(b""),)),
    Hostile("kill_everything", "kill_everything.c", "dmoj", AC, (), REFUSED),
    Hostile("deaf_to_signals", "deaf.c", "dmoj", TLE, (ends_by(9), cpu_is_about(0.5)), limits=SPINNING),
    Hostile("stop_itself", "stop_itself.c", "own", TLE, (ends_by(9), little_cpu)),
    Hostile("vfork_hang", "vfork_hang.c", "own", TLE, (ends_by(9),)),
    Hostile("odd_process_names", "odd_names.c", "own", TLE, (ends_by(9),)),
    Hostile("zombies", "zombies.c", "own", TLE, (little_cpu,)),
)

ENDS = (
    Hostile("signal_itself", "signal_itself.py", "own", RE, (SEGV,)),
    Hostile("null_dereference", "null_dereference.c", "jobe", RE, (SEGV,)),
    Hostile("divide_by_zero", "divide_by_zero.c", "dmoj", RE, (ends_by(8),)),
    Hostile("abort", "abort.c", "dmoj", RE, (ends_by(6),)),
    Hostile("infinite_recursion", "infinite_recursion.c", "jobe", RE | MLE, (ends_by(11, 9),), limits=ROOMY),
    Hostile("exit_three", "exit_three.c", "dmoj", RE, (exits_with(3),)),
    Hostile("uncaught_exception", "uncaught.java", "dmoj", RE, (complains(b"nobody catches this"),), limits=ROOMY),
    Hostile("killed_before_flush", "unflushed.c", "cms", RE, (ends_by(9), prints(b""))),
)

TIME = (
    Hostile("spin", "spin.c", "jobe", TLE, (ends_by(9), cpu_is_about(0.5)), limits=SPINNING),
    Hostile("spin_in_threads_and_children", "spin_threads.c", "dmoj", TLE, (cpu_is_about(0.5),), limits=SPINNING),
    Hostile("spin_in_short_children", "short_children.c", "own", TLE, (cpu_is_about(0.5),), limits=SPINNING),
    Hostile("spin_in_a_hidden_grandchild", "hidden_spinner.c", "isolate", TLE, (cpu_is_about(0.5),), limits=SPINNING),
    Hostile("sleep", "sleep.py", "cms", TLE, (little_cpu,)),
    Hostile("pause", "pause.c", "cms", TLE, (little_cpu,)),
    Hostile("select_nothing", "select_nothing.c", "cms", TLE, (little_cpu,)),
    Hostile("poll_the_clock", "poll_clock.cpp", "dmoj", TLE, (cpu_is_about(0.5),), limits=SPINNING),
    Hostile("close_all_streams", "closed_streams.c", "own", TLE, (little_cpu,)),
)

MEMORY = (
    Hostile("big_bytearray", "big_bytearray.py", "own", MLE),
    Hostile("big_static_array", "static_array.c", "dmoj", MLE),
    Hostile("big_new", "big_new.cpp", "dmoj", MLE | RE),
    Hostile("memory_of_a_family", "family_memory.c", "go-judge", MLE),
    Hostile(
        "small_family_that_wants_to_live",
        "small_family_that_wants_to_live.c",
        "own",
        MLE,
        limits=replace(ROOMY, memory_bytes=512 << 20, processes=120),
    ),
    Hostile("memory_in_anonymous_files", "memory_files.c", "own", MLE),
    Hostile("fill_shared_memory", "fill_shared_memory.py", "isolate", AC | MLE, (), REFUSED, ROOMY),
    Hostile("fill_shared_memory_beyond_limit", "fill_shared_memory.py", "isolate", MLE | AC, (), REFUSED),
    Hostile("go_in_little_memory", "hello.go", "dmoj", AC, (), b"hello\n", LITTLE_MEMORY),
    Hostile("node_in_little_memory", "hello.js", "dmoj", AC, (), b"hello\n", LITTLE_MEMORY),
    Hostile("mono_in_little_memory", "hello.cs", "dmoj", AC, (), b"hello\n", LITTLE_MEMORY),
    Hostile("java_in_little_memory", "hello.java", "dmoj", AC, (), b"hello\n", LITTLE_MEMORY),
    Hostile("java_without_memory", "hello.java", "dmoj", MLE | RE, limits=replace(ROOMY, memory_bytes=1 << 20)),
    Hostile("java_without_threads", "hello.java", "dmoj", AC | RE | MLE, limits=replace(ROOMY, processes=4)),
)

OUTPUT = (
    Hostile("putchar_forever", "putchar_forever.c", "dmoj", OLE, (keeps_prefix("stdout", b"a"),)),
    Hostile("print_forever", "print_forever.py", "piston", OLE, (keeps_prefix("stdout", b"a" * 99 + b"\n"),)),
    Hostile("yes", "yes.sh", "own", OLE, (keeps_prefix("stdout", b"y\n"),)),
    Hostile(
        "flood_stderr", "flood_stderr.c", "piston", OLE, (keeps_prefix("stderr", b"e"), prints(b"stdout is calm\n"))
    ),
    Hostile("flood_both", "flood_both.sh", "own", OLE),
    Hostile(
        "drip",
        "drip.py",
        "own",
        TLE,
        (lambda result: set(result.cases[0].execution.stdout) == {ord("x")} and not _is_cut(result),),
    ),
    Hostile(
        "odd_output",
        "odd_output.py",
        "own",
        AC,
        (complains(b"\x00\x9b31m" + bytes(range(256))),),
        b'\x1b[2J\x1b]0;title\x07</script><script>alert(1)</script>{"verdict":"accepted"}\r\n\x00\xff\xfe\xed\xa0\x80',
    ),
    Hostile("fake_frames", "fake_frames.py", "own", RE, (exits_with(7),)),
)

FILES = (
    Hostile("big_file_python", "big_file.py", "piston", RE, (complains(b"File too large"),)),
    Hostile("big_file_c", "big_file.c", "piston", RE, (ends_by(25),)),
    Hostile("many_big_files", "many_big_files.py", "piston", AC | MLE, (), REFUSED),
    Hostile("many_big_files_in_wide_limits", "many_big_files.py", "piston", AC | MLE, (), REFUSED, ROOMY),
    Hostile("million_files", "million_files.py", "own", AC, (), REFUSED, ROOMY),
    Hostile("sparse_terabyte", "sparse_terabyte.c", "isolate", AC, (), REFUSED),
    Hostile("deep_nesting", "deep_nesting.py", "own", AC, (), b"nested\n", ROOMY),
    Hostile("awkward_files", "awkward_files.py", "own", AC, (), b"left\n"),
    Hostile("inflight_files", "inflight_files.py", "own", AC | RE),
    Hostile("replace_itself", "replace_itself.py", "cms", WA, (prints(b"wrong\n"),), b"42\n"),
    Hostile("execute_written_file", "execute_written_file.c", "cms", AC, (), REFUSED, replace(SHORT, cpu_s=2.0)),
    Hostile("all_descriptors", "all_descriptors.py", "own", AC, (), REFUSED),
)

COMPILERS = (
    Hostile("macro_bomb", "macro_bomb.cpp", "dmoj", CE, compile_limits=BOMB),
    Hostile("error_flood", "error_flood.cpp", "dmoj", CE, (compile_output_is_capped,), compile_limits=BOMB),
    Hostile("template_recursion", "template_recursion.cpp", "dmoj", CE, compile_limits=BOMB),
    Hostile("constexpr_loop", "constexpr_loop.cpp", "dmoj", CE, compile_limits=BOMB),
    Hostile("include_random", "include_dev_random.c", "judge0", CE, compile_limits=BOMB),
    Hostile("include_zero", "include_dev_zero.c", "judge0", CE, compile_limits=BOMB),
    Hostile("include_stdin", "include_dev_stdin.c", "judge0", CE | AC, compile_limits=BOMB),
    Hostile("include_full", "include_dev_full.c", "judge0", CE, compile_limits=BOMB),
    Hostile("include_proc", "include_proc.c", "own", CE, compile_limits=BOMB),
    Hostile("include_itself", "include_itself.c", "own", CE, compile_limits=BOMB),
    Hostile("include_shadow", "include_shadow.c", "compiler-explorer", CE, (compiler_complains,)),
    Hostile("incbin_shadow", "incbin_shadow.c", "compiler-explorer", CE, (compiler_complains,)),
    Hostile("incbin_environment", "incbin_environ.c", "judge0", CE | AC | RE),
    Hostile("giant_object", "giant_object.c", "dmoj", CE, compile_limits=BOMB),
    Hostile("pragma_tricks", "pragma_tricks.c", "compiler-explorer", CE | AC),
    Hostile(
        "files_named_like_options",
        "exit_three.c",
        "compiler-explorer",
        RE,
        (exits_with(3),),
        files=tuple(
            SourceFile(name, b"-fplugin=/tmp/x.so -o /box/out/x") for name in ("@flags", "-o", "specs", "-v.h")
        ),
    ),
    Hostile(
        "source_file_named_like_an_option",
        "exit_three.c",
        "compiler-explorer",
        CE | RE,
        files=(SourceFile("-fplugin=x.c", b"int other;\n"), SourceFile("@x.c", b"int third;\n")),
    ),
    Hostile("include_bytes", "include_bytes.rs", "compiler-explorer", CE, (compiler_complains,), limits=ROOMY),
    Hostile("cgo_flags", "cgo_flags.go", "compiler-explorer", CE, (compiler_complains,), limits=ROOMY),
    Hostile("go_package_that_is_not_main", "not_main.go", "dmoj", CE, (compiler_complains,), limits=ROOMY),
    Hostile("python_syntax_error", "syntax_error.txt", "jobe", RE, (complains(b"SyntaxError"),)),
    Hostile("java_long_class_name", "long_class_name.java", "dmoj", CE | AC, limits=ROOMY),
    Hostile("java_unicode_class", "unicode_class.java", "dmoj", AC, (), b"hello\n", ROOMY),
    Hostile("java_package", "packaged_class.java", "dmoj", AC, (), b"hello\n", ROOMY),
    Hostile("java_without_public_class", "private_class.java", "dmoj", AC, (), b"hello\n", ROOMY),
    Hostile("java_without_main", "no_main.java", "dmoj", CE | RE, limits=ROOMY),
    Hostile("java_class_named_like_a_path", "traversing_class.java", "own", CE, (compiler_complains,), limits=ROOMY),
)

SECRETS = (
    Hostile("snoop", "snoop.py", "jobe", AC | OLE, limits=replace(ROOMY, output_bytes=1 << 20)),
    Hostile("inherited_privileges", "inherited.py", "runc", AC, (), REFUSED),
    Hostile("read_kernel_files", "read_kernel_files.py", "isolate", AC, (), REFUSED),
)

ESCAPES = (
    Hostile("connect", "connect.py", "judge0", AC, (), REFUSED),
    Hostile("host_sockets", "host_sockets.py", "judge0", AC, (), REFUSED, ROOMY),
    Hostile("socket_families", "sockets.c", "isolate", AC, (), REFUSED),
    Hostile("system_calls", "syscalls.c", "isolate", AC, (), REFUSED, ROOMY),
    Hostile("legacy_system_calls", "legacy_calls.c", "isolate", AC | RE, (lambda result: not _says_allowed(result),)),
    Hostile("own_seccomp_filter", "own_filter.c", "own", TLE, (ends_by(9),)),
    Hostile("set_user_id_programs", "set_user_id.py", "judge0", AC, (), REFUSED, SECONDS_LONG),
    Hostile("write_kernel_files", "write_kernel_files.py", "isolate", AC, (), REFUSED, SECONDS_LONG),
    Hostile("write_everywhere", "write_everywhere.py", "judge0", AC, (), REFUSED, SECONDS_LONG),
    Hostile(
        "java_process_handles", "java_sandbox.java", "own", TLE, (), REFUSED, replace(ROOMY, cpu_s=2.0, wall_s=4.0)
    ),
)

TABLE = (*PROCESSES, *ENDS, *TIME, *MEMORY, *OUTPUT, *FILES, *COMPILERS, *SECRETS, *ESCAPES)


def _is_cut(result: RunResult) -> bool:
    return result.cases[0].execution.is_stdout_truncated


def _says_allowed(result: RunResult) -> bool:
    return b"ALLOWED" in result.cases[0].execution.stdout
