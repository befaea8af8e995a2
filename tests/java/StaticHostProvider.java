package org.apache.zookeeper.client;

import java.net.InetAddress;
import java.net.InetSocketAddress;
import java.net.UnknownHostException;
import java.util.ArrayList;
import java.util.Collection;
import java.util.List;

/**
 * Stands in front of the class of this name in the client of ZooKeeper 3.4, which cannot read how JVMs since 14 write an
 * unresolved address and then never connects. Everything else of that client is its own.
 */
public final class StaticHostProvider implements HostProvider {
    private final List<InetSocketAddress> servers = new ArrayList<>();
    private int last = -1;

    public StaticHostProvider(Collection<InetSocketAddress> unresolved) throws UnknownHostException {
        for (InetSocketAddress server : unresolved) {
            servers.add(new InetSocketAddress(InetAddress.getByName(server.getHostString()), server.getPort()));
        }
    }

    @Override
    public int size() {
        return servers.size();
    }

    @Override
    public InetSocketAddress next(long pauseMillis) {
        boolean pause = last >= 0;
        last = (last + 1) % servers.size();
        if (pause && pauseMillis > 0) {
            try {
                Thread.sleep(pauseMillis);
            } catch (InterruptedException ended) {
                Thread.currentThread().interrupt();
            }
        }
        return servers.get(last);
    }

    @Override
    public void onConnected() {
        // The order stays as it is.
    }
}
