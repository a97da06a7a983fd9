use std::fs;
use std::os::unix::fs::{PermissionsExt as _, symlink};
use std::path::{Path, PathBuf};
use std::sync::mpsc::{Receiver, SyncSender, sync_channel};

use bridge_auth::{HeaderPolicy, Secret};
use bridge_aws::{AssumedRole, BaseCredentials, CredentialSource, Signer, StaticKeys};
use bytes::Bytes;
use http::{HeaderMap, HeaderValue, Method};
use http_body_util::BodyExt as _;
use slog::Drain as _;
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::net::TcpListener;
use tokio::sync::oneshot;

use super::*;
use crate::{Client, ClientConfig, CredentialStyle};

const KEY: &str = "operator-key-of-thirty-letters";

/// Answers one request with these bytes and closes.
async fn provider(answer: String) -> Endpoint {
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let url = format!("http://{}", listener.local_addr().unwrap());
    let serve = async move {
        let (mut socket, _) = listener.accept().await.unwrap();
        let mut heard = Vec::new();
        while !is_whole(&heard) {
            let mut piece = [0; 1_024];
            let read = socket.read(&mut piece).await.unwrap();
            heard.extend_from_slice(&piece[..read]);
        }
        socket.write_all(answer.as_bytes()).await.unwrap();
    };
    bridge_telemetry::task::spawn(&bridge_telemetry::discard(), "provider", serve).detach();
    Endpoint::try_new(&url).unwrap()
}

/// Whether a request is there to the end of its body.
fn is_whole(heard: &[u8]) -> bool {
    let text = String::from_utf8_lossy(heard).to_ascii_lowercase();
    let Some((head, body)) = text.split_once("\r\n\r\n") else {
        return false;
    };
    let mut lengths = head
        .lines()
        .filter_map(|line| line.strip_prefix("content-length:"));
    let length = lengths.next().unwrap().trim().parse().unwrap();
    body.len() >= length
}

fn outbound(to: &Endpoint) -> Outbound {
    let mut headers = HeaderMap::new();
    headers.insert("content-type", HeaderValue::from_static("application/json"));
    headers.insert(
        "x-house",
        HeaderValue::from_static("a-word-of-the-house-itself"),
    );
    Outbound {
        method: Method::POST,
        path_and_query: "/v1/messages?beta=true&key=twenty-characters-ab".to_owned(),
        headers: HeaderPolicy::default().admit(headers).scrubbed,
        credential: Some(to.bind(Secret::new(KEY.to_owned()), CredentialStyle::XApiKey)),
        body: Bytes::from_static(b"{\"model\":\"m\",\"n\":1.50}"),
    }
}

fn label(group: &str) -> DumpLabel<'_> {
    DumpLabel {
        provider: "anthropic",
        group,
        path: None,
        id: "turn-1".to_owned(),
        attempt: 1,
    }
}

fn config(folder: &Path) -> DumpConfig {
    DumpConfig {
        masked: vec![HeaderName::from_static("x-house")],
        ..DumpConfig::new(folder.join("dumps"))
    }
}

fn start(config: DumpConfig) -> (Dumps, Metrics) {
    let metrics = Metrics::default();
    let dumps = Dumps::start(config, &metrics, &bridge_telemetry::discard()).unwrap();
    (dumps, metrics)
}

fn client() -> Client {
    let logger = bridge_telemetry::discard();
    Client::try_new(&ClientConfig::default(), &Metrics::default(), &logger).unwrap()
}

/// One exchange, read to its end. Gives the body.
async fn exchange(dumps: &Dumps, to: &Endpoint, group: &str) -> Result<Bytes, UpstreamError> {
    let client = client();
    let dumped = dumps.around(&client, &label(group));
    let reply = dumped.exchange(to, outbound(to)).await?;
    let body = reply.body.collect().await.map(|body| body.to_bytes());
    dumps.written().await;
    body
}

/// Every file below the folder, with its text.
fn files(folder: &Path) -> Vec<(PathBuf, String)> {
    let mut found = Vec::new();
    let mut open = vec![folder.to_owned()];
    while let Some(folder) = open.pop() {
        for entry in fs::read_dir(folder).unwrap() {
            let entry = entry.unwrap();
            match entry.file_type().unwrap().is_dir() {
                true => open.push(entry.path()),
                false => found.push((entry.path(), fs::read_to_string(entry.path()).unwrap())),
            }
        }
    }
    found.sort();
    found
}

fn answer(body: &str) -> String {
    format!(
        "HTTP/1.1 200 OK\r\nx-request-id: r-1\r\nset-cookie: twenty-characters-ab\r\n\
         content-length: {}\r\n\r\n{body}",
        body.len()
    )
}

#[tokio::test]
async fn both_ways_are_written_for_their_owner_alone_and_without_credentials() {
    let folder = tempfile::tempdir().unwrap();
    let (dumps, metrics) = start(config(folder.path()));
    let body = format!("the key {KEY} is good");
    let to = provider(answer(&body)).await;
    let relayed = exchange(&dumps, &to, "claude/one").await.unwrap();
    assert_eq!(relayed, body, "what is relayed is untouched");
    let files = files(folder.path());
    let [(request_path, request), (answer_path, answer)] = &files[..] else {
        panic!("{files:?}");
    };
    assert!(request_path.to_str().unwrap().ends_with("-turn-1.req.txt"));
    assert!(answer_path.to_str().unwrap().ends_with("-turn-1.resp.txt"));
    assert_eq!(
        request,
        "POST /v1/messages?beta=true&key=twen...s-ab HTTP/1.1\r\nContent-Length: 32\r\n\
         Content-Type: application/json\r\nX-Api-Key: oper...ters\r\nX-House: a-wo...self\r\n\r\n\
         {\n  \"model\": \"m\",\n  \"n\": 1.50\n}\n"
    );
    assert_eq!(
        *answer,
        format!(
            "HTTP/1.1 200 OK\r\nContent-Length: {}\r\nSet-Cookie: twen...s-ab\r\n\
             X-Request-Id: r-1\r\n\r\nthe key oper...ters is good",
            body.len()
        )
    );
    let mode = |path: &Path| fs::metadata(path).unwrap().permissions().mode() & 0o777;
    assert_eq!((mode(request_path), mode(answer_path)), (0o600, 0o600));
    let inner = request_path.parent().unwrap();
    assert_eq!(inner.file_name().unwrap(), "claude-one");
    for folder in [inner, inner.parent().unwrap(), &dumps.config().folder] {
        assert_eq!(mode(folder), 0o700, "{}", folder.display());
    }
    let text = metrics.expose();
    assert!(
        text.contains("bridge_dumps_total{kind=\"written\"} 2"),
        "{text}"
    );
}

#[tokio::test]
async fn a_failure_has_a_file_and_a_broken_answer_says_so() {
    let folder = tempfile::tempdir().unwrap();
    let (dumps, _) = start(config(folder.path()));
    let nowhere = provider(String::new()).await;
    exchange(&dumps, &nowhere, "m").await.unwrap_err();
    dumps.written().await;
    let cut = "HTTP/1.1 200 OK\r\ncontent-length: 100\r\n\r\nhalf of it".to_owned();
    let to = provider(cut).await;
    exchange(&dumps, &to, "n").await.unwrap_err();
    dumps.written().await;
    let files = files(folder.path());
    let text = |suffix: &str| {
        let mut of_suffix = files
            .iter()
            .filter(|(path, _)| path.to_str().unwrap().ends_with(suffix));
        of_suffix.next().unwrap().1.clone()
    };
    assert!(text(".req_error.txt").contains("answer"), "{files:?}");
    let answer = text(".resp.txt");
    assert!(answer.contains("half of it\n... ("), "{answer}");
}

#[tokio::test]
async fn large_bodies_are_cut_and_the_oldest_files_go() {
    let folder = tempfile::tempdir().unwrap();
    let (dumps, _) = start(DumpConfig {
        file_bytes: 10,
        folder_bytes: 400,
        ..config(folder.path())
    });
    for group in ["first", "second"] {
        let to = provider(answer("0123456789abcdef")).await;
        let relayed = exchange(&dumps, &to, group).await.unwrap();
        assert_eq!(relayed, "0123456789abcdef");
    }
    let left = files(folder.path());
    assert!(
        left.iter()
            .all(|(path, _)| path.to_str().unwrap().contains("second")),
        "{left:?}"
    );
    let (_, answer) = left.last().unwrap();
    assert!(
        answer.ends_with("\r\n\r\n0123456789\n... (6 bytes more are not written)\n"),
        "{answer}"
    );
}

#[tokio::test]
async fn nobody_leads_a_dump_elsewhere() {
    let folder = tempfile::tempdir().unwrap();
    let elsewhere = folder.path().join("elsewhere");
    fs::create_dir(&elsewhere).unwrap();
    let (dumps, metrics) = start(config(folder.path()));
    fs::create_dir(dumps.config().folder.join("anthropic")).unwrap();
    symlink(&elsewhere, dumps.config().folder.join("anthropic/m")).unwrap();
    let to = provider(answer("fine")).await;
    assert_eq!(exchange(&dumps, &to, "m").await.unwrap(), "fine");
    assert!(files(&elsewhere).is_empty());
    let text = metrics.expose();
    assert!(
        text.contains("bridge_dumps_total{kind=\"failed\"} 2"),
        "{text}"
    );
}

#[test]
fn a_folder_that_others_may_write_into_is_refused() {
    let folder = tempfile::tempdir().unwrap();
    let config = config(folder.path());
    let (metrics, logger) = (Metrics::default(), bridge_telemetry::discard());
    fs::create_dir(&config.folder).unwrap();
    let may = |mode| fs::set_permissions(&config.folder, fs::Permissions::from_mode(mode));
    may(0o777).unwrap();
    let refused = Dumps::start(config.clone(), &metrics, &logger).unwrap_err();
    assert!(refused.to_string().contains("chmod go-w"), "{refused}");
    may(0o755).unwrap();
    Dumps::start(config.clone(), &metrics, &logger).unwrap();
    fs::remove_dir(&config.folder).unwrap();
    fs::write(&config.folder, "").unwrap();
    let refused = Dumps::start(config, &metrics, &logger).unwrap_err();
    assert!(refused.to_string().contains("is not a folder"), "{refused}");
}

#[test]
fn what_an_earlier_process_left_grows_old() {
    let folder = tempfile::tempdir().unwrap();
    let config = DumpConfig {
        max_age: Duration::from_secs(60),
        ..config(folder.path())
    };
    let inner = config.folder.join("anthropic/m");
    fs::create_dir_all(&inner).unwrap();
    let now = bridge_telemetry::wall_clock().duration_since(std::time::UNIX_EPOCH);
    let fresh = format!("{}-b.req.txt", now.unwrap().as_millis());
    for name in ["1000-a.req.txt", "notes.txt", &fresh] {
        fs::write(inner.join(name), "x").unwrap();
    }
    let mut shelf = Shelf::open(&config).unwrap();
    shelf.look();
    shelf.tidy();
    let left = files(folder.path());
    let names: Vec<_> = left
        .iter()
        .map(|(path, _)| path.file_name().unwrap())
        .collect();
    assert_eq!(names, [fresh.as_str(), "notes.txt"]);
}

/// Lends a role once, as AWS does.
fn lent(token: &str) -> String {
    let xml = format!(
        "<AssumeRoleResponse xmlns=\"https://sts.amazonaws.com/doc/2011-06-15/\">\
         <AssumeRoleResult><AssumedRoleUser><Arn>arn:aws:sts::111122223333:assumed-role/r/s</Arn>\
         <AssumedRoleId>R:s</AssumedRoleId></AssumedRoleUser><Credentials>\
         <AccessKeyId>lent id</AccessKeyId><SecretAccessKey>lent secret</SecretAccessKey>\
         <SessionToken>{token}</SessionToken><Expiration>2100-01-01T00:00:00Z</Expiration>\
         </Credentials></AssumeRoleResult><ResponseMetadata><RequestId>1</RequestId>\
         </ResponseMetadata></AssumeRoleResponse>"
    );
    let length = xml.len();
    format!("HTTP/1.1 200 OK\r\ncontent-type: text/xml\r\ncontent-length: {length}\r\n\r\n{xml}")
}

/// AWS repeats what was signed when it does not like the signature.
#[tokio::test]
async fn a_session_token_that_was_fetched_for_the_request_is_masked_in_its_answer() {
    const TOKEN: &str = "session-token-of-thirty-letter";
    let roles = provider(lent(TOKEN)).await;
    let source = CredentialSource {
        base: BaseCredentials::Static(StaticKeys {
            access_key_id: "id-of-the-house".to_owned(),
            secret_access_key: Secret::new("secret-of-the-house".to_owned()),
            session_token: None,
        }),
        role: Some(AssumedRole {
            arn: "arn:aws:iam::111122223333:role/r".to_owned(),
            external_id: None,
            endpoint: Some(format!("http://{}", roles.authority())),
        }),
    };
    let signer = Signer::try_new("eu-central-1", "bedrock", source).unwrap();
    let folder = tempfile::tempdir().unwrap();
    let (dumps, _) = start(config(folder.path()));
    let to = provider(answer(&format!("x-amz-security-token:{TOKEN}"))).await;
    let client = client();
    let dumped = dumps.around(&client, &label("m"));
    let request = Outbound {
        credential: Some(to.bind_signer(signer)),
        ..outbound(&to)
    };
    let reply = dumped.exchange(&to, request).await.unwrap();
    reply.body.collect().await.unwrap();
    dumps.written().await;
    let files = files(folder.path());
    let (_, answer) = files.last().unwrap();
    assert!(
        answer.ends_with("x-amz-security-token:sess...tter"),
        "{answer}"
    );
}

/// A place for lines that holds whoever writes one until it is let go.
struct Gate {
    is_held: SyncSender<()>,
    go: parking_lot::Mutex<Receiver<()>>,
}

impl std::panic::RefUnwindSafe for Gate {}
impl std::panic::UnwindSafe for Gate {}

impl slog::Drain for Gate {
    type Ok = ();
    type Err = slog::Never;

    fn log(&self, _: &slog::Record<'_>, _: &slog::OwnedKVList) -> Result<(), slog::Never> {
        let _nobody_looks = self.is_held.try_send(());
        let _go_on_when_nobody_holds_back = self.go.lock().recv();
        Ok(())
    }
}

/// A disk that was too slow for a while leaves no file behind that nobody counts.
#[tokio::test]
async fn an_answer_whose_end_finds_no_room_is_ended_and_counted_all_the_same() {
    let folder = tempfile::tempdir().unwrap();
    let config = DumpConfig {
        folder_bytes: 300,
        ..config(folder.path())
    };
    let ((is_held, held), (let_go, go)) = (sync_channel(1), sync_channel::<()>(1));
    let gate = Gate {
        is_held,
        go: parking_lot::Mutex::new(go),
    };
    let (metrics, lines) = (Metrics::default(), Logger::root(gate.fuse(), o!()));
    let dumps = Dumps::start(config, &metrics, &lines).unwrap();
    let client = client();
    let body = "x".repeat(300);
    let to = provider(answer(&body)).await;
    let label = label("m");
    let dumped = dumps.around(&client, &label);
    let mut reply = dumped.exchange(&to, outbound(&to)).await.unwrap();
    reply.body.frame().await.unwrap().unwrap();
    dumps.written().await;
    // What cannot be written is told, and who tells it is held.
    fs::write(dumps.config().folder.join("blocked"), "").unwrap();
    let stem = Stem::of(&DumpLabel {
        provider: "blocked",
        ..label
    });
    let text = String::new();
    assert!(dumps.0.queue.put(Note::Failure { stem, text }));
    held.recv().unwrap();
    while dumps.0.queue.put(Note::Written(oneshot::channel().0)) {}
    drop(reply);
    drop(let_go);
    dumps.written().await;
    let text = metrics.expose();
    let counted = "bridge_dumps_total{kind=\"incomplete\"} 1";
    assert!(text.contains(counted), "{text}");
    let left = files(&dumps.config().folder.join("anthropic"));
    assert_eq!(left, [], "the answer alone is too much");
}
