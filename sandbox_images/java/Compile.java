import com.sun.source.tree.ClassTree;
import com.sun.source.tree.CompilationUnitTree;
import com.sun.source.tree.MethodTree;
import com.sun.source.tree.Tree;
import com.sun.source.util.JavacTask;
import com.sun.source.util.TaskEvent;
import com.sun.source.util.TaskListener;
import java.io.ByteArrayOutputStream;
import java.io.IOException;
import java.io.OutputStream;
import java.net.URI;
import java.nio.file.DirectoryStream;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;
import java.util.Map;
import java.util.TreeMap;
import java.util.jar.Attributes;
import java.util.jar.Manifest;
import java.util.zip.CRC32;
import java.util.zip.ZipEntry;
import java.util.zip.ZipOutputStream;
import javax.tools.FileObject;
import javax.tools.ForwardingJavaFileManager;
import javax.tools.ForwardingJavaFileObject;
import javax.tools.JavaFileObject;
import javax.tools.SimpleJavaFileObject;
import javax.tools.StandardJavaFileManager;
import javax.tools.ToolProvider;

/**
 * Compiles every .java file of the working folder into one jar, and finds the class to start.
 *
 * <p>Beside plain javac it does three things. A public class may have any name, whatever its file is called (users
 * send one source and do not name files). The classes are kept in memory and written as one uncompressed jar, which
 * is quick to open and to cache. And its manifest names the class to start: the first class of the main file that
 * has a main method. Annotation processors, which would be code run at compile time, are off.
 *
 * <p>Usage: Compile MAIN_FILE JAR. Exit code 1 after a compile error, whose messages are on stderr.
 */
public final class Compile {
    private static final List<String> OPTIONS = List.of("-proc:none", "-encoding", "UTF-8");

    public static void main(String[] args) throws IOException {
        var mainFile = Path.of(args[0]);
        var compiler = ToolProvider.getSystemJavaCompiler();
        var files = new ClassesInMemory(compiler.getStandardFileManager(null, null, null));
        var task = (JavacTask) compiler.getTask(null, files, null, OPTIONS, null, files.sources(mainFile));
        var mainClass = new MainClass(mainFile);
        task.addTaskListener(mainClass);
        if (!task.call()) {
            System.exit(1);
        }
        files.writeJar(Path.of(args[1]), mainClass.name());
    }

    /** Finds the class to start in the syntax tree, at once when it is parsed: the compiler empties it later. */
    private static final class MainClass implements TaskListener {
        private final Path file;
        private String name = "Main";

        MainClass(Path file) {
            this.file = file;
        }

        String name() {
            return name;
        }

        @Override
        public void finished(TaskEvent event) {
            if (event.getKind() == TaskEvent.Kind.PARSE && event.getSourceFile().getName().equals(file.toString())) {
                var simpleName = firstWithMain(event.getCompilationUnit());
                var folder = event.getCompilationUnit().getPackageName();
                name = folder == null ? simpleName : folder + "." + simpleName;
            }
        }

        private static String firstWithMain(CompilationUnitTree unit) {
            for (Tree type : unit.getTypeDecls()) {
                if (type instanceof ClassTree tree && hasMain(tree)) {
                    return tree.getSimpleName().toString();
                }
            }
            return "Main";
        }

        private static boolean hasMain(ClassTree tree) {
            return tree.getMembers().stream()
                    .anyMatch(member -> member instanceof MethodTree method && method.getName().contentEquals("main"));
        }
    }

    /** Reads sources from the working folder and collects what the compiler makes. */
    private static final class ClassesInMemory extends ForwardingJavaFileManager<StandardJavaFileManager> {
        private final Map<String, ByteArrayOutputStream> classes = new TreeMap<>();

        ClassesInMemory(StandardJavaFileManager files) {
            super(files);
        }

        List<JavaFileObject> sources(Path mainFile) throws IOException {
            var found = new ArrayList<Path>();
            found.add(mainFile);
            try (DirectoryStream<Path> paths = Files.newDirectoryStream(Path.of(""), "*.java")) {
                paths.forEach(path -> {
                    if (!path.equals(mainFile)) {
                        found.add(path);
                    }
                });
            }
            var sources = new ArrayList<JavaFileObject>();
            fileManager.getJavaFileObjectsFromPaths(found).forEach(file -> sources.add(new AnyName(file)));
            return sources;
        }

        @Override
        public JavaFileObject getJavaFileForOutput(
                Location location, String className, JavaFileObject.Kind kind, FileObject sibling) {
            var bytes = new ByteArrayOutputStream();
            var entry = className.replace('.', '/') + kind.extension;
            classes.put(entry, bytes);
            return new SimpleJavaFileObject(URI.create("memory:/"), kind) {
                @Override
                public OutputStream openOutputStream() {
                    return bytes;
                }
            };
        }

        void writeJar(Path path, String mainClass) throws IOException {
            var manifest = new Manifest();
            manifest.getMainAttributes().put(Attributes.Name.MANIFEST_VERSION, "1.0");
            manifest.getMainAttributes().put(Attributes.Name.MAIN_CLASS, mainClass);
            var lines = new ByteArrayOutputStream();
            manifest.write(lines);
            try (var jar = new ZipOutputStream(Files.newOutputStream(path))) {
                writeStored(jar, "META-INF/MANIFEST.MF", lines.toByteArray());
                for (var each : classes.entrySet()) {
                    writeStored(jar, each.getKey(), each.getValue().toByteArray());
                }
            }
        }

        private static void writeStored(ZipOutputStream jar, String name, byte[] content) throws IOException {
            var crc = new CRC32();
            crc.update(content);
            var entry = new ZipEntry(name);
            entry.setMethod(ZipEntry.STORED);
            entry.setSize(content.length);
            entry.setCrc(crc.getValue());
            entry.setTime(0);
            jar.putNextEntry(entry);
            jar.write(content);
            jar.closeEntry();
        }
    }

    /** A source whose public class may have any name. */
    private static final class AnyName extends ForwardingJavaFileObject<JavaFileObject> {
        AnyName(JavaFileObject file) {
            super(file);
        }

        @Override
        public boolean isNameCompatible(String simpleName, Kind kind) {
            return true;
        }
    }
}
