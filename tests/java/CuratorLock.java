import java.io.BufferedReader;
import java.io.InputStreamReader;
import java.nio.charset.StandardCharsets;
import java.util.concurrent.TimeUnit;
import org.apache.curator.framework.CuratorFramework;
import org.apache.curator.framework.CuratorFrameworkFactory;
import org.apache.curator.framework.api.ACLProvider;
import org.apache.curator.framework.recipes.locks.InterProcessMutex;
import org.apache.curator.framework.state.ConnectionState;
import org.apache.curator.retry.ExponentialBackoffRetry;
import org.apache.zookeeper.ZooDefs;
import org.apache.zookeeper.data.ACL;

/**
 * Takes and releases a lock as a master does, on command.
 *
 * <p>Arguments: connect string, namespace (may be empty), lock path, session timeout in milliseconds, digest (may be
 * empty). Commands on standard input: {@code acquire <ms>}, {@code release}, {@code close}. Answers on standard output:
 * {@code connected}, {@code acquired}, {@code timeout}, {@code released}, {@code lost}.
 */
public final class CuratorLock {
    private CuratorLock() {}

    public static void main(String[] arguments) throws Exception {
        String digest = arguments.length > 4 ? arguments[4] : "";
        CuratorFrameworkFactory.Builder builder = CuratorFrameworkFactory.builder()
                .connectString(arguments[0])
                .namespace(arguments[1].isEmpty() ? null : arguments[1])
                .sessionTimeoutMs(Integer.parseInt(arguments[3]))
                .connectionTimeoutMs(9000)
                .retryPolicy(new ExponentialBackoffRetry(60, 5, 300));
        if (!digest.isEmpty()) {
            builder.authorization("digest", digest.getBytes(StandardCharsets.UTF_8)).aclProvider(new CreatorOnly());
        }
        try (CuratorFramework client = builder.build()) {
            client.getConnectionStateListenable().addListener((unused, state) -> {
                if (state == ConnectionState.LOST) {
                    say("lost");
                }
            });
            client.start();
            if (!client.blockUntilConnected(20, TimeUnit.SECONDS)) {
                throw new IllegalStateException("no connection");
            }
            say("connected");
            obey(new InterProcessMutex(client, arguments[2]));
        }
    }

    /** The mutex belongs to a thread: all commands are obeyed on this one. */
    private static void obey(InterProcessMutex mutex) throws Exception {
        BufferedReader input = new BufferedReader(new InputStreamReader(System.in, StandardCharsets.UTF_8));
        for (String line = input.readLine(); line != null && !line.equals("close"); line = input.readLine()) {
            if (line.equals("release")) {
                mutex.release();
                say("released");
            } else if (line.startsWith("acquire ")) {
                long limit = Long.parseLong(line.substring("acquire ".length()));
                say(mutex.acquire(limit, TimeUnit.MILLISECONDS) ? "acquired" : "timeout");
            } else {
                throw new IllegalArgumentException(line);
            }
        }
    }

    private static void say(String line) {
        synchronized (System.out) {
            System.out.println(line);
            System.out.flush();
        }
    }

    /** Every node belongs to its creator alone, as with the digest setting of the masters. */
    private static final class CreatorOnly implements ACLProvider {
        @Override
        public java.util.List<ACL> getDefaultAcl() {
            return ZooDefs.Ids.CREATOR_ALL_ACL;
        }

        @Override
        public java.util.List<ACL> getAclForPath(String path) {
            return ZooDefs.Ids.CREATOR_ALL_ACL;
        }
    }
}
