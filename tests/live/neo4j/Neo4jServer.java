import java.nio.file.Path;
import org.neo4j.configuration.GraphDatabaseSettings;
import org.neo4j.configuration.connectors.BoltConnector;
import org.neo4j.configuration.helpers.SocketAddress;
import org.neo4j.dbms.api.DatabaseManagementServiceBuilder;
import org.neo4j.io.ByteUnit;
import org.neo4j.io.fs.FileUtils;

/** A Neo4j that speaks Bolt on 127.0.0.1, without passwords, until stdin closes: `java -cp 'jars/*' Neo4jServer.java HOME PORT`. */
public class Neo4jServer {
    public static void main(String[] arguments) throws Exception {
        var service = new DatabaseManagementServiceBuilder(Path.of(arguments[0]))
            .setConfig(BoltConnector.enabled, true)
            .setConfig(BoltConnector.listen_address, new SocketAddress("127.0.0.1", Integer.parseInt(arguments[1])))
            .setConfig(GraphDatabaseSettings.pagecache_memory, ByteUnit.mebiBytes(256))
            .build();
        Runtime.getRuntime().addShutdownHook(new Thread(service::shutdown));
        // Ends with whoever started it, even if that was killed: its end of the pipe closes then. Nobody else needs HOME.
        while (System.in.read() != -1) { }
        service.shutdown();
        FileUtils.deleteDirectory(Path.of(arguments[0]));
        System.exit(0);
    }
}
