//! Signatures that AWS has published, and what a signature covers.

use std::time::{Duration, SystemTime};

use bridge_auth::Secret;
use bridge_aws::{
    AssumedRole, BaseCredentials, CredentialSource, Signer, SignerError, StaticKeys, Unsigned,
};
use http::header::{AUTHORIZATION, CONTENT_TYPE, HOST};
use http::{HeaderMap, HeaderValue};

/// 2015-08-30, 12:36:00 UTC: when AWS's examples were signed.
const EXAMPLE_TIME: Duration = Duration::from_secs(1_440_938_160);
const EXAMPLE_ID: &str = "AKIDEXAMPLE";
/// The secret of AWS's examples, in two parts so that nobody takes it for one.
const EXAMPLE_SECRET: [&str; 2] = ["wJalrXUtnFEMI/K7MDENG", "+bPxRfiCYEXAMPLEKEY"];

fn keys(session_token: Option<&str>) -> BaseCredentials {
    BaseCredentials::Static(StaticKeys {
        access_key_id: EXAMPLE_ID.to_owned(),
        secret_access_key: Secret::new(EXAMPLE_SECRET.concat()),
        session_token: session_token.map(|token| Secret::new(token.to_owned())),
    })
}

fn signer(base: BaseCredentials) -> Signer {
    let source = CredentialSource { base, role: None };
    Signer::try_new("us-east-1", "service", source).unwrap()
}

fn example_headers() -> HeaderMap {
    let mut headers = HeaderMap::new();
    headers.insert(HOST, HeaderValue::from_static("example.amazonaws.com"));
    headers
}

async fn signed(signer: &Signer, request: &Unsigned<'_>, headers: &mut HeaderMap) -> String {
    let now = SystemTime::UNIX_EPOCH + EXAMPLE_TIME;
    signer.sign(request, headers, now).await.unwrap();
    headers[AUTHORIZATION].to_str().unwrap().to_owned()
}

fn get(path_and_query: &str) -> Unsigned<'_> {
    Unsigned {
        method: "GET",
        path_and_query,
        body: b"",
    }
}

fn expected(names: &str, signature: &str) -> String {
    format!(
        "AWS4-HMAC-SHA256 Credential={EXAMPLE_ID}/20150830/us-east-1/service/aws4_request, \
         SignedHeaders={names}, Signature={signature}"
    )
}

#[tokio::test]
async fn published_examples_are_signed_as_published() {
    let signer = signer(keys(None));
    let mut headers = example_headers();
    assert_eq!(
        signed(&signer, &get("/"), &mut headers).await,
        expected(
            "host;x-amz-date",
            "5fa00fa31553b73ebf1942676e86291e8372ff2a2260956d9b8aae1d763fbf31"
        )
    );
    assert_eq!(headers["x-amz-date"], "20150830T123600Z");

    let mut headers = example_headers();
    let form = HeaderValue::from_static("application/x-www-form-urlencoded");
    headers.insert(CONTENT_TYPE, form);
    let post = Unsigned {
        method: "POST",
        path_and_query: "/",
        body: b"Param1=value1",
    };
    assert_eq!(
        signed(&signer, &post, &mut headers).await,
        expected(
            "content-type;host;x-amz-date",
            "ff11897932ad3f4e8b18135d722051e5ac45fc38421b1da7b9d196a0fe09473a"
        )
    );
}

#[tokio::test]
async fn every_part_of_a_request_is_covered() {
    let signer = signer(keys(None));
    let original = Unsigned {
        method: "POST",
        path_and_query: "/model/a%3A0/invoke",
        body: b"{}",
    };
    let first = signed(&signer, &original, &mut example_headers()).await;
    let mut again = example_headers();
    again.insert("user-agent", HeaderValue::from_static("anything"));
    again.insert(AUTHORIZATION, HeaderValue::from_static("Bearer old"));
    again.insert("x-amz-date", HeaderValue::from_static("19700101T000000Z"));
    assert_eq!(signed(&signer, &original, &mut again).await, first);
    assert_eq!(again.get_all(AUTHORIZATION).iter().count(), 1);

    for other in [
        Unsigned {
            method: "PUT",
            ..original
        },
        Unsigned {
            path_and_query: "/model/a%3A1/invoke",
            ..original
        },
        Unsigned {
            path_and_query: "/model/a%3A0/invoke?x=1",
            ..original
        },
        Unsigned {
            body: b"{ }",
            ..original
        },
    ] {
        assert_ne!(
            signed(&signer, &other, &mut example_headers()).await,
            first,
            "{other:?}"
        );
    }
    let mut headers = example_headers();
    headers.insert(HOST, HeaderValue::from_static("elsewhere.amazonaws.com"));
    assert_ne!(signed(&signer, &original, &mut headers).await, first);
}

#[tokio::test]
async fn a_session_token_is_sent_and_covered() {
    let signer = signer(keys(Some("a-token")));
    let mut headers = example_headers();
    headers.insert("x-amz-security-token", HeaderValue::from_static("forged"));
    let authorization = signed(&signer, &get("/"), &mut headers).await;
    assert!(authorization.contains("SignedHeaders=host;x-amz-date;x-amz-security-token,"));
    assert_eq!(headers["x-amz-security-token"], "a-token");
    assert!(headers["x-amz-security-token"].is_sensitive());
    assert!(headers[AUTHORIZATION].is_sensitive());
}

#[tokio::test]
async fn a_signer_shows_no_secret() {
    let signer = signer(keys(Some("a-token")));
    let shown = format!("{signer:?}");
    for part in EXAMPLE_SECRET.iter().chain([&"a-token", &EXAMPLE_ID]) {
        assert!(!shown.contains(part), "{shown}");
    }
    assert_eq!(signer.hint(), "AK...LE");
}

#[test]
fn what_cannot_be_signed_with_is_refused() {
    let make = |region: &str, base: BaseCredentials, role: Option<&str>| {
        let role = role.map(|arn| AssumedRole {
            arn: arn.to_owned(),
            external_id: None,
            endpoint: None,
        });
        Signer::try_new(region, "bedrock", CredentialSource { base, role }).map(|_| ())
    };
    let half = |id: &str, secret: &str| {
        BaseCredentials::Static(StaticKeys {
            access_key_id: id.to_owned(),
            secret_access_key: Secret::new(secret.to_owned()),
            session_token: None,
        })
    };
    assert_eq!(make("us-gov-west-1", keys(None), None), Ok(()));
    for region in [
        "",
        "EU-central-1",
        "eu-central-1.evil.example/",
        &"x".repeat(33),
    ] {
        assert!(matches!(
            make(region, keys(None), None),
            Err(SignerError::Region(_))
        ));
    }
    assert_eq!(
        make("eu-west-1", half("", "s"), None),
        Err(SignerError::HalfAKey)
    );
    assert_eq!(
        make("eu-west-1", half("i", ""), None),
        Err(SignerError::HalfAKey)
    );
    let role = make("eu-west-1", keys(None), Some("bedrock"));
    assert_eq!(role, Err(SignerError::Role("bedrock".to_owned())));
}

#[tokio::test]
async fn a_request_without_a_host_is_not_signed() {
    let (signer, mut headers) = (signer(keys(None)), HeaderMap::new());
    let now = SystemTime::UNIX_EPOCH;
    assert!(signer.sign(&get("/"), &mut headers, now).await.is_err());
    assert!(headers.is_empty());
}
