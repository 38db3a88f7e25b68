// SPDX-License-Identifier: Apache-2.0
import static org.codelibs.opensearch.runner.OpenSearchRunner.newConfigs;

import org.codelibs.opensearch.runner.OpenSearchRunner;

/** One OpenSearch node: Search FOLDER PORT. Its transport listens one hundred ports above. */
public class Search {
    public static void main(String[] words) throws Exception {
        OpenSearchRunner runner = new OpenSearchRunner();
        int port = Integer.parseInt(words[1]);

        runner.onBuild((number, settings) -> {
            settings.put("http.port", port);
            settings.put("transport.port", port + 100);
            settings.put("network.host", "127.0.0.1");
            settings.put("discovery.type", "single-node");
        }).build(newConfigs().clusterName("tests").numOfNode(1).basePath(words[0]).useLogger());
        Runtime.getRuntime().addShutdownHook(new Thread(() -> {
            try {
                runner.close();
            } catch (java.io.IOException error) {
                System.err.println(error);
            }
        }));
        Thread.currentThread().join();
    }
}
