//! A real Postgres server with TLS: one for the test process, with a database for each test.

use std::io::{BufRead, BufReader};
use std::net::TcpListener;
use std::path::PathBuf;
use std::process::{Child, Command, Stdio};
use std::sync::OnceLock;
use std::sync::atomic::{AtomicU32, Ordering};
use std::time::Duration;
use std::{env, fs};

use tokio_postgres::{Client, NoTls};

/// The schema of WorkOS.
pub(crate) const WORKOS: &str = include_str!("../fixtures/schema/workos.sql");

/// Must not appear in any message.
pub(crate) const PASSWORD: &str = "hunter2@%/?";
const PASSWORD_IN_URL: &str = "hunter2%40%25%2F%3F";

/// Creates a cluster and certificates, runs the server, and removes all of it at the end of its input. The system closes that
/// pipe however the tests end.
const SCRIPT: &str = r#"
set -e
dir=$(mktemp -d)
trap 'rm -rf "$dir"' EXIT
cd "$dir"
printf %s "$PASSWORD" > password
"$BIN/initdb" -D data -U owner --pwfile password -A scram-sha-256 -E UTF8 --locale C -N > log 2>&1 || { cat log >&2; exit 1; }
key="-newkey ec -pkeyopt ec_paramgen_curve:prime256v1 -nodes"
openssl req -x509 $key -keyout ca.key -out ca.pem -subj /CN=operator-test-authority -days 2 2>> log
openssl req $key -keyout server.key -out server.csr -subj /CN=localhost 2>> log
printf 'subjectAltName=DNS:localhost\nbasicConstraints=CA:FALSE\n' > extensions
openssl x509 -req -in server.csr -CA ca.pem -CAkey ca.key -CAcreateserial -out server.pem -days 2 -extfile extensions 2>> log
chmod 600 server.key
"$BIN/postgres" -D data -c port="$PORT" -c listen_addresses=localhost -c unix_socket_directories= -c fsync=off \
  -c ssl=on -c ssl_cert_file="$dir/server.pem" -c ssl_key_file="$dir/server.key" >> log 2>&1 < /dev/null &
server=$!
echo "$dir"
cat > /dev/null
kill -QUIT $server
wait $server || true
"#;

pub(crate) struct Server {
    pub(crate) port: u16,
    folder: PathBuf,
    /// Owns the pipe that keeps the server alive.
    _script: Child,
}

/// The server, started by the first call.
pub(crate) async fn server() -> &'static Server {
    static SERVER: OnceLock<Server> = OnceLock::new();
    let server = SERVER.get_or_init(start);
    for _ in 0..300 {
        if tokio_postgres::connect(&server.plain_url("postgres"), NoTls).await.is_ok() {
            return server;
        }
        tokio::time::sleep(Duration::from_millis(100)).await;
    }
    panic!("Postgres does not answer: {}", fs::read_to_string(server.folder.join("log")).unwrap_or_default());
}

fn start() -> Server {
    let port = TcpListener::bind("127.0.0.1:0").unwrap().local_addr().unwrap().port();
    let bin = postgres_bin();
    let mut script = shell()
        .args(["-c", SCRIPT])
        .env("BIN", bin)
        .env("PORT", port.to_string())
        .env("PASSWORD", PASSWORD)
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .spawn()
        .unwrap();
    let mut folder = String::new();
    BufReader::new(script.stdout.take().unwrap()).read_line(&mut folder).unwrap();
    assert!(!folder.is_empty(), "initdb and openssl must work");
    Server { port, folder: folder.trim().into(), _script: script }
}

/// Postgres refuses to run as root, so another user runs it.
fn shell() -> Command {
    let id = |args: &[&str]| Command::new("id").args(args).output().unwrap();
    if id(&["-u"]).stdout.trim_ascii() != b"0" {
        return Command::new("sh");
    }
    let user = if id(&["-u", "postgres"]).status.success() { "postgres" } else { "nobody" };
    let mut command = Command::new("runuser");
    command.args(["-u", user, "--", "sh"]).current_dir("/");
    command
}

/// The folder of `initdb` and `postgres`: on the path, or where Debian and Homebrew install them.
fn postgres_bin() -> PathBuf {
    let mut folders: Vec<PathBuf> = env::var_os("PATH").iter().flat_map(env::split_paths).collect();
    for folder in ["/usr/lib/postgresql", "/opt/homebrew/opt", "/usr/local/opt"] {
        let found = fs::read_dir(folder).into_iter().flatten().filter_map(Result::ok);
        folders.extend(found.map(|entry| entry.path().join("bin")));
    }
    let has_both = |bin: &PathBuf| bin.join("initdb").is_file() && bin.join("postgres").is_file();
    folders.into_iter().find(has_both).expect("the tests need a Postgres server: install postgresql")
}

impl Server {
    fn plain_url(&self, database: &str) -> String {
        self.url(database, "sslmode=disable")
    }

    pub(crate) fn url(&self, database: &str, parameters: &str) -> String {
        format!("postgres://owner:{PASSWORD_IN_URL}@localhost:{}/{database}?{parameters}", self.port)
    }

    /// The authority of the server's certificate, which is valid for `localhost`.
    pub(crate) fn ca_file(&self) -> PathBuf {
        self.folder.join("ca.pem")
    }

    pub(crate) fn certificate(&self) -> PathBuf {
        self.folder.join("server.pem")
    }

    /// Creates a database with this schema. Returns its name and a connection.
    pub(crate) async fn database(&self, schema: &str) -> (String, Client) {
        static COUNT: AtomicU32 = AtomicU32::new(0);
        let name = format!("test_{}", COUNT.fetch_add(1, Ordering::Relaxed));
        self.connect("postgres").await.batch_execute(&format!("CREATE DATABASE {name}")).await.unwrap();
        let client = self.connect(&name).await;
        client.batch_execute(schema).await.unwrap();
        (name, client)
    }

    pub(crate) async fn connect(&self, database: &str) -> Client {
        let (client, connection) = tokio_postgres::connect(&self.plain_url(database), NoTls).await.unwrap();
        tokio::spawn(connection);
        client
    }
}

/// Whether a text holds the password, encoded or not.
pub(crate) fn shows_password(text: &str) -> bool {
    text.contains("hunter2")
}
