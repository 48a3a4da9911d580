/* Calls into the parts of the kernel that programs do not need; each is made so that it would work if it could. */
#define _GNU_SOURCE
#include <errno.h>
#include <fcntl.h>
#include <linux/seccomp.h>
#include <sched.h>
#include <signal.h>
#include <stdio.h>
#include <string.h>
#include <sys/mount.h>
#include <sys/ptrace.h>
#include <sys/syscall.h>
#include <sys/uio.h>
#include <sys/wait.h>
#include <unistd.h>

static int allowed;

static void probe(const char *name, long result) {
    if (result < 0) return;
    printf("ALLOWED %s\n", name);
    allowed = 1;
}

static void rings_and_keys(void) {
    char zeroes[256] = {0};
    probe("io_uring_setup", syscall(425, 4, zeroes));
    probe("add_key", syscall(SYS_add_key, "user", "name", "value", 5, -3));
    probe("request_key", syscall(SYS_request_key, "user", "name", 0, -3));
    probe("keyctl", syscall(SYS_keyctl, 0, -3, 1));
    probe("userfaultfd", syscall(SYS_userfaultfd, 1));
    memset(zeroes, 0, sizeof zeroes);
    *(int *)zeroes = 1;
    probe("bpf", syscall(SYS_bpf, 5, zeroes, 128));
    memset(zeroes, 0, sizeof zeroes);
    zeroes[4] = 112;
    probe("perf_event_open", syscall(SYS_perf_event_open, zeroes, 0, -1, -1, 0));
    probe("fanotify_init", syscall(SYS_fanotify_init, 0, 0));
    probe("open_by_handle_at", syscall(SYS_open_by_handle_at, AT_FDCWD, zeroes, 0));
}

static void other_processes(void) {
    char word[8];
    struct iovec here = {word, 8}, there = {word, 8};
    pid_t child = fork();
    if (child == 0) for (;;) pause();
    probe("ptrace attach", ptrace(PTRACE_ATTACH, child, 0, 0));
    probe("ptrace seize", ptrace(PTRACE_SEIZE, child, 0, 0));
    probe("process_vm_readv", process_vm_readv(child, &here, 1, &there, 1, 0));
    probe("process_vm_readv of pid 1", process_vm_readv(1, &here, 1, &there, 1, 0));
    int pidfd = syscall(434, 1, 0);
    probe("pidfd_getfd of pid 1", syscall(438, pidfd, 0, 0));
    probe("pidfd_send_signal to pid 1", syscall(424, pidfd, SIGKILL, 0, 0));
    probe("kcmp with pid 1", syscall(SYS_kcmp, getpid(), 1, 0, 0, 0));
    probe("migrate_pages of pid 1", syscall(SYS_migrate_pages, 1, 0, 0, 0));
    kill(child, SIGKILL);
}

static void worlds(void) {
    int flags[] = {CLONE_NEWUSER, CLONE_NEWNS, CLONE_NEWNET, CLONE_NEWPID, CLONE_NEWIPC, CLONE_NEWUTS, CLONE_NEWCGROUP};
    for (int i = 0; i < 7; i++) {
        probe("unshare", unshare(flags[i]));
        long child = syscall(SYS_clone, flags[i] | SIGCHLD, 0, 0, 0, 0);
        if (child == 0) _exit(0);
        probe("clone", child);
        unsigned long arguments[11] = {flags[i]};
        arguments[4] = SIGCHLD;
        child = syscall(435, arguments, 88);
        if (child == 0) _exit(0);
        probe("clone3", child);
    }
    probe("setns", setns(open("/proc/1/ns/net", O_RDONLY), 0));
    probe("setns", setns(open("/proc/self/ns/mnt", O_RDONLY), 0));
    probe("chroot", chroot("/tmp"));
    probe("pivot_root", syscall(SYS_pivot_root, ".", "."));
    probe("mount tmpfs", mount("none", "/tmp", "tmpfs", 0, 0));
    probe("mount bind", mount("/", "/tmp", 0, MS_BIND, 0));
    probe("mount proc", mount("none", "/tmp", "proc", 0, 0));
    probe("remount", mount(0, "/", 0, MS_REMOUNT | MS_BIND, 0));
    probe("umount", umount2("/proc", MNT_DETACH));
    probe("fsopen", syscall(430, "tmpfs", 0));
    probe("open_tree", syscall(428, AT_FDCWD, "/", 1));
    probe("fspick", syscall(433, AT_FDCWD, "/", 0));
}

static void machine(void) {
    struct { long seconds, microseconds; } now = {0, 0};
    probe("sethostname", sethostname("x", 1));
    probe("setdomainname", setdomainname("x", 1));
    probe("settimeofday", syscall(SYS_settimeofday, &now, 0));
    probe("clock_settime", syscall(SYS_clock_settime, 0, &now));
    probe("reboot", syscall(SYS_reboot, 0xfee1dead, 672274793, 0, 0));
    probe("kexec_load", syscall(SYS_kexec_load, 0, 0, 0, 0));
    probe("init_module", syscall(SYS_init_module, "", 0, ""));
    probe("delete_module", syscall(SYS_delete_module, "loop", 0));
    probe("swapon", syscall(SYS_swapon, "/tmp/swap", 0));
    probe("acct", syscall(SYS_acct, 0));
    probe("quotactl", syscall(SYS_quotactl, 0x800001 << 8, "/dev/vda", 0, 0));
    probe("syslog", syscall(SYS_syslog, 3, "", 1));
    probe("vhangup", syscall(SYS_vhangup));
    probe("personality", syscall(SYS_personality, 0x0400000)); /* READ_IMPLIES_EXEC */
#ifdef SYS_ioperm
    probe("ioperm", syscall(SYS_ioperm, 0x80, 1, 1));
    probe("iopl", syscall(SYS_iopl, 3));
    probe("modify_ldt", syscall(SYS_modify_ldt, 0, &now, 16));
#endif
}

static void privileges(void) {
    probe("setuid 0", setuid(0));
    probe("setgid 0", setgid(0));
    probe("setresuid", syscall(SYS_setresuid, 0, 0, 0));
    probe("setgroups", syscall(SYS_setgroups, 0, 0));
    probe("fifo scheduling", sched_setscheduler(0, SCHED_FIFO, &(struct sched_param){.sched_priority = 1}));
    probe("negative nice", syscall(SYS_setpriority, 0, 0, -5));
    probe("mknod char", syscall(SYS_mknodat, AT_FDCWD, "/tmp/memory", 0020666, 0x101));
    probe("mknod block", syscall(SYS_mknodat, AT_FDCWD, "/box/app/disk", 0060666, 0x800));
    probe("ptrace traceme", ptrace(PTRACE_TRACEME, 0, 0, 0));
}

int main(void) {
    setvbuf(stdout, 0, _IONBF, 0);
    rings_and_keys();
    other_processes();
    worlds();
    machine();
    privileges();
    if (!allowed) puts("refused");
    return 0;
}
