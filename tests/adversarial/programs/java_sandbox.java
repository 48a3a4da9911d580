import java.io.IOException;

/** What a JVM offers beyond files and sockets: attaching to others, starting programs, asking for every thread. */
public class Main {
    public static void main(String[] args) throws Exception {
        var pids = ProcessHandle.allProcesses().filter(process -> process.pid() != ProcessHandle.current().pid());
        var reached = pids.filter(ProcessHandle::destroyForcibly).count();
        System.out.println(reached == 0 ? "refused" : "ALLOWED");
        Runtime.getRuntime().addShutdownHook(new Thread(() -> { while (true) { Thread.onSpinWait(); } }));
    }
}
