import java.io.BufferedReader;
import java.io.IOException;
import java.io.InputStreamReader;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.nio.file.StandardOpenOption;
import java.util.ArrayList;
import java.util.List;
import java.util.concurrent.TimeUnit;
import org.apache.curator.framework.CuratorFramework;
import org.apache.curator.framework.CuratorFrameworkFactory;
import org.apache.curator.framework.recipes.locks.InterProcessMutex;
import org.apache.curator.retry.ExponentialBackoffRetry;

/**
 * Many waiters for locks in one process.
 *
 * <p>Arguments: connect string, number of sessions, session timeout in milliseconds. A command on standard input is
 * {@code <name> <session> <lock path> <limit ms> <hold ms> <file>}: a thread takes the lock, adds the line
 * {@code enter <name>} to the file, holds the lock so long, adds {@code leave <name>} and gives it back. Answers on
 * standard output: {@code ready}, then for each name {@code <name> left}, {@code <name> timeout} or
 * {@code <name> failed <why>}.
 */
public final class CuratorCrowd {
    private CuratorCrowd() {}

    public static void main(String[] arguments) throws Exception {
        List<CuratorFramework> clients = new ArrayList<>();
        for (int session = 0; session < Integer.parseInt(arguments[1]); session++) {
            CuratorFramework client = CuratorFrameworkFactory.builder()
                    .connectString(arguments[0])
                    .sessionTimeoutMs(Integer.parseInt(arguments[2]))
                    .connectionTimeoutMs(9000)
                    .retryPolicy(new ExponentialBackoffRetry(60, 5, 300))
                    .build();
            client.start();
            if (!client.blockUntilConnected(20, TimeUnit.SECONDS)) {
                throw new IllegalStateException("no connection");
            }
            clients.add(client);
        }
        say("ready");
        BufferedReader input = new BufferedReader(new InputStreamReader(System.in, StandardCharsets.UTF_8));
        for (String line = input.readLine(); line != null; line = input.readLine()) {
            String[] words = line.split(" ");
            Thread waiter = new Thread(() -> take(clients.get(Integer.parseInt(words[1])), words));
            waiter.setDaemon(true);
            waiter.start();
        }
        clients.forEach(CuratorFramework::close);
    }

    private static void take(CuratorFramework client, String[] words) {
        String name = words[0];
        try {
            InterProcessMutex mutex = new InterProcessMutex(client, words[2]);
            if (!mutex.acquire(Long.parseLong(words[3]), TimeUnit.MILLISECONDS)) {
                say(name + " timeout");
                return;
            }
            note(words[5], "enter " + name);
            Thread.sleep(Long.parseLong(words[4]));
            note(words[5], "leave " + name);
            mutex.release();
            say(name + " left");
        } catch (Exception error) {
            say(name + " failed " + error);
        }
    }

    /** One write, at the end of the file, as the other kind of waiter does it. */
    private static void note(String file, String line) throws IOException {
        byte[] bytes = (line + "\n").getBytes(StandardCharsets.UTF_8);
        Files.write(Path.of(file), bytes, StandardOpenOption.CREATE, StandardOpenOption.APPEND);
    }

    private static void say(String line) {
        synchronized (System.out) {
            System.out.println(line);
            System.out.flush();
        }
    }
}
