//! Roles that are assumed, and what the surroundings of a process offer.

use std::error::Error;
use std::io::{Read, Write};
use std::process::Command;
use std::sync::atomic::Ordering;
use std::time::{Duration, SystemTime};

use bridge_auth::Secret;
use bridge_aws::{
    AssumedRole, BaseCredentials, CredentialSource, CredentialsError, SignError, Signer,
    StaticKeys, Unsigned,
};
use http::header::{AUTHORIZATION, HOST};
use http::{HeaderMap, HeaderValue};
use tokio::io::AsyncReadExt;
use tokio::net::TcpListener;

use crate::sts::{Lender, lent, refused};

const ROLE: &str = "arn:aws:iam::111122223333:role/bedrock";
/// 2030-01-01.
const NOW: Duration = Duration::from_secs(1_893_456_000);
const LATER: &str = "2030-01-01T01:00:00Z";
/// The test that runs in a process of its own.
const PREPARED: &str = "chain::in_a_prepared_process";
const REQUEST: Unsigned<'static> = Unsigned {
    method: "POST",
    path_and_query: "/model/m/invoke",
    body: b"{}",
};

fn now() -> SystemTime {
    SystemTime::UNIX_EPOCH + NOW
}

fn borrower(endpoint: &str) -> Signer {
    let base = BaseCredentials::Static(StaticKeys {
        access_key_id: "base id".to_owned(),
        secret_access_key: Secret::new("base secret".to_owned()),
        session_token: None,
    });
    let role = AssumedRole {
        arn: ROLE.to_owned(),
        external_id: Some("an-external-id".to_owned()),
        endpoint: Some(endpoint.to_owned()),
    };
    let source = CredentialSource {
        base,
        role: Some(role),
    };
    Signer::try_new("eu-west-1", "bedrock", source).unwrap()
}

fn headers() -> HeaderMap {
    let mut headers = HeaderMap::new();
    headers.insert(HOST, HeaderValue::from_static("bedrock.example"));
    headers
}

async fn signed(signer: &Signer, now: SystemTime) -> HeaderMap {
    let mut headers = headers();
    signer.sign(&REQUEST, &mut headers, now).await.unwrap();
    headers
}

fn is_signed_by(headers: &HeaderMap, id: &str) -> bool {
    let value = headers[AUTHORIZATION].to_str().unwrap();
    value.contains(&format!("Credential={id}/20300101/eu-west-1/bedrock/"))
}

#[tokio::test]
async fn a_role_is_assumed_once_for_all_who_wait() {
    let mut lender = Lender::start(200, lent("LENTID", LATER)).await;
    let signer = borrower(&lender.endpoint);
    assert_eq!(signer.hint(), "aws role");
    let open = async {
        let request = lender.request().await;
        assert!(request.contains("Action=AssumeRole"), "{request}");
        assert!(request.contains("ExternalId=an-external-id"), "{request}");
        assert!(request.contains("role%2Fbedrock"), "{request}");
        assert!(request.contains("Credential=base id/"), "{request}");
        lender.gate.add_permits(1);
    };
    let (one, two, ()) = tokio::join!(signed(&signer, now()), signed(&signer, now()), open);
    for headers in [one, two, signed(&signer, now()).await] {
        assert!(is_signed_by(&headers, "LENTID"), "{headers:?}");
        assert_eq!(headers["x-amz-security-token"], "lent token");
    }
    assert_eq!(lender.count.load(Ordering::SeqCst), 1);
    assert_eq!(signer.hint(), "L...D");
}

#[tokio::test]
async fn a_lent_role_is_borrowed_again_before_it_expires() {
    let lender = Lender::start(200, lent("LENTID", LATER)).await;
    lender.gate.add_permits(10);
    let signer = borrower(&lender.endpoint);
    signed(&signer, now()).await;
    signed(&signer, now() + Duration::from_secs(3_299)).await;
    assert_eq!(lender.count.load(Ordering::SeqCst), 1);
    let later = now() + Duration::from_secs(3_301);
    let mut headers = headers();
    let by = signer.sign(&REQUEST, &mut headers, later).await.unwrap();
    assert_eq!(lender.count.load(Ordering::SeqCst), 2);
    // What an upstream does not take is not used again.
    signer.rejected(&by, later + Duration::from_secs(60));
    signed(&signer, later).await;
    assert_eq!(lender.count.load(Ordering::SeqCst), 3);
}

#[tokio::test]
async fn a_role_that_is_refused_is_named_with_what_to_do() {
    let lender = Lender::start(403, refused()).await;
    lender.gate.add_permits(10);
    let signer = borrower(&lender.endpoint);
    let mut headers = headers();
    let error = signer
        .sign(&REQUEST, &mut headers, now())
        .await
        .unwrap_err();
    let SignError::Credentials(cause @ CredentialsError::Role { .. }) = &error else {
        panic!("{error:?}");
    };
    let text = cause.to_string();
    assert!(
        text.contains(ROLE) && text.contains("external id"),
        "{text}"
    );
    assert!(!headers.contains_key(AUTHORIZATION));
    let mut chain = String::new();
    let mut next: Option<&dyn Error> = Some(&error);
    while let Some(error) = next {
        chain = format!("{chain}{error}: {error:?}\n");
        next = error.source();
    }
    assert!(chain.contains("AccessDenied"), "{chain}");
    for secret in ["base secret", "an-external-id"] {
        assert!(!chain.contains(secret), "{chain}");
    }
}

#[tokio::test]
async fn a_lender_that_speaks_no_tls_lends_nothing() {
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let signer = borrower(&format!("https://{}", listener.local_addr().unwrap()));
    let mut headers = headers();
    let hang_up = async {
        loop {
            // A greeting is read, so that the client has really begun to speak TLS.
            let (mut socket, _) = listener.accept().await.unwrap();
            assert_eq!(
                socket.read_u8().await.unwrap(),
                22,
                "a record of the handshake"
            );
        }
    };
    let outcome = tokio::select! {
        outcome = signer.sign(&REQUEST, &mut headers, now()) => outcome,
        () = hang_up => return,
    };
    let error = outcome.unwrap_err();
    assert!(
        matches!(error, SignError::Credentials(CredentialsError::Role { .. })),
        "{error}"
    );
}

/// In a process of its own, whose surroundings the test below prepares.
#[tokio::test]
async fn in_a_prepared_process() {
    // Among all tests it has nothing to say: whatever surrounds them is not asked.
    if !std::env::args().any(|argument| argument == PREPARED) {
        return;
    }
    let base = BaseCredentials::Default { profile: None };
    let source = CredentialSource { base, role: None };
    let signer = Signer::try_new("eu-west-1", "bedrock", source).unwrap();
    let mut headers = headers();
    match signer.sign(&REQUEST, &mut headers, now()).await {
        Ok(_) => println!("signed: {headers:?} {:?}", headers[AUTHORIZATION].to_str()),
        Err(SignError::Credentials(error)) => println!("no credentials: {error}"),
        Err(error) => panic!("{error}"),
    }
}

/// What the test above says with these variables and nothing else around it.
fn in_surroundings(variables: &[(&str, &str)]) -> String {
    let home = tempfile::tempdir().unwrap();
    let output = Command::new(std::env::current_exe().unwrap())
        .args(["--exact", PREPARED, "--nocapture"])
        .env_clear()
        .env("HOME", home.path())
        .env("AWS_EC2_METADATA_DISABLED", "true")
        .envs(variables.iter().copied())
        .output()
        .unwrap();
    assert!(output.status.success(), "{output:?}");
    String::from_utf8(output.stdout).unwrap()
}

#[test]
fn the_environment_offers_credentials_with_a_session_token() {
    let said = in_surroundings(&[
        ("AWS_ACCESS_KEY_ID", "ENVID"),
        ("AWS_SECRET_ACCESS_KEY", "secret of the environment"),
        ("AWS_SESSION_TOKEN", "token of the environment"),
    ]);
    assert!(
        said.contains("Credential=ENVID/20300101/eu-west-1/bedrock/"),
        "{said}"
    );
    assert!(said.contains("x-amz-security-token"), "{said}");
    assert!(!said.contains("of the environment"), "{said}");
}

#[test]
fn a_profile_offers_credentials() {
    let folder = tempfile::tempdir().unwrap();
    let file = folder.path().join("credentials");
    let text = "[default]\naws_access_key_id = FILEID\naws_secret_access_key = secret\n";
    std::fs::write(&file, text).unwrap();
    let file = file.to_str().unwrap();
    let said = in_surroundings(&[("AWS_SHARED_CREDENTIALS_FILE", file)]);
    assert!(said.contains("Credential=FILEID/"), "{said}");
}

#[test]
fn a_container_offers_credentials() {
    let listener = std::net::TcpListener::bind("127.0.0.1:0").unwrap();
    let uri = format!("http://{}/credentials", listener.local_addr().unwrap());
    let asked = std::thread::spawn(move || {
        let (mut socket, _) = listener.accept().unwrap();
        let mut head = [0; 4096];
        let length = socket.read(&mut head).unwrap();
        let body = format!(
            r#"{{"AccessKeyId":"BOXID","SecretAccessKey":"secret","Token":"t","Expiration":"{LATER}"}}"#
        );
        let length_of_body = body.len();
        let answer = format!(
            "HTTP/1.1 200 OK\r\ncontent-type: application/json\r\n\
             content-length: {length_of_body}\r\nconnection: close\r\n\r\n{body}"
        );
        socket.write_all(answer.as_bytes()).unwrap();
        String::from_utf8_lossy(&head[..length]).into_owned()
    });
    let said = in_surroundings(&[
        ("AWS_CONTAINER_CREDENTIALS_FULL_URI", uri.as_str()),
        ("AWS_CONTAINER_AUTHORIZATION_TOKEN", "token-of-the-box"),
    ]);
    assert!(said.contains("Credential=BOXID/"), "{said}");
    let head = asked.join().unwrap();
    assert!(head.starts_with("GET /credentials "), "{head}");
    assert!(head.contains("token-of-the-box"), "{head}");
    assert!(!said.contains("token-of-the-box"), "{said}");
}

#[test]
fn surroundings_without_credentials_say_what_to_do() {
    let said = in_surroundings(&[]);
    assert!(
        said.contains("no AWS credentials found: give the provider an access key"),
        "{said}"
    );
}
