use http::Request;

use super::check as check_signature;
use super::*;

/// The sender of the published test suite, put together so that nobody takes it for a real one.
fn sender() -> AwsSender {
    AwsSender {
        access_key_id: "AKIDEXAMPLE".to_owned(),
        secret_access_key: ["wJalrXUtnFEMI/K7MDENG", "+bPxRfiCYEXAMPLEKEY"].concat(),
        session_token: None,
    }
}

fn head(request: http::request::Builder) -> Head {
    request.body(()).unwrap().into_parts().0
}

#[test]
fn the_published_vector_get_vanilla() {
    let head = head(
        Request::get("/")
            .header("host", "example.amazonaws.com")
            .header("x-amz-date", "20150830T123600Z")
            .header(
                "authorization",
                "AWS4-HMAC-SHA256 Credential=AKIDEXAMPLE/20150830/us-east-1/service/aws4_request, \
                 SignedHeaders=host;x-amz-date, \
                 Signature=5fa00fa31553b73ebf1942676e86291e8372ff2a2260956d9b8aae1d763fbf31",
            ),
    );
    let given = Given::read(&head.headers).unwrap();
    let canonical = canonical(&head, &given.signed, b"");
    assert_eq!(
        sha256(&canonical),
        "bb579772317eb040ac9ed261061d46c1f17a8133879d6129b6e1c25292927e63"
    );
    assert_eq!(signature(&sender(), &given, &canonical), given.signature);
}

const NOW: &str = "20260101T000000Z";

fn now() -> SystemTime {
    SystemTime::UNIX_EPOCH + Duration::from_secs(1_767_225_600)
}

/// A request as an honest sender makes it, after which something may be changed.
fn signed(signed: &[&str], extra: &[(&'static str, &'static str)]) -> Head {
    let mut head = head(
        Request::post("/model/a%3A0/invoke?b&a=1")
            .header("host", "bedrock.test")
            .header("x-amz-date", NOW),
    );
    for (name, value) in extra {
        head.headers.append(*name, value.parse().unwrap());
    }
    let begin = "AWS4-HMAC-SHA256 Credential=AKIDEXAMPLE/20260101/eu-west-1/bedrock/aws4_request";
    let begin = format!("{begin}, SignedHeaders={}", signed.join(";"));
    let mut with = |signature: &str| {
        let value = format!("{begin}, Signature={signature}");
        head.headers.insert("authorization", value.parse().unwrap());
        let given = Given::read(&head.headers).unwrap();
        let canonical = canonical(&head, &given.signed, b"body");
        super::signature(&sender(), &given, &canonical)
    };
    let signature = with("unknown");
    with(&signature);
    head
}

const USUAL: [&str; 2] = ["host", "x-amz-date"];

#[test]
fn an_honest_request_is_taken_and_a_changed_one_is_not() {
    let check = |expected: Result<(), SignatureError>, body: &str, spoil: fn(&mut Head)| {
        let mut head = signed(&USUAL, &[]);
        spoil(&mut head);
        let got = check_signature(&sender(), &head, body.as_bytes(), now());
        assert_eq!(got, expected);
    };
    check(Ok(()), "body", |_| {});
    check(Err(SignatureError::Mismatch), "other", |_| {});
    check(Err(SignatureError::Mismatch), "body", |head| {
        head.uri = "/model/a:0/invoke?b&a=1".parse().unwrap();
    });
    check(Err(SignatureError::Mismatch), "body", |head| {
        head.headers.insert("host", "other.test".parse().unwrap());
    });
    check(Err(SignatureError::Missing), "body", |head| {
        head.headers.remove("authorization");
    });
    check(Err(SignatureError::UnknownSender), "body", |head| {
        head.headers
            .insert("x-amz-security-token", "some".parse().unwrap());
    });
}

#[test]
fn what_aws_wants_covered_is_covered() {
    let extra = [("x-amz-other", "1")];
    let check = |names: &[&str], expected: Result<(), SignatureError>| {
        let head = signed(names, &extra);
        assert_eq!(check_signature(&sender(), &head, b"body", now()), expected);
    };
    check(&["host", "x-amz-date", "x-amz-other"], Ok(()));
    let unsigned = |name: &str| Err(SignatureError::Unsigned(name.to_owned()));
    check(&["host", "x-amz-date"], unsigned("x-amz-other"));
    check(&["x-amz-date", "x-amz-other"], unsigned("host"));
    let unsorted = Err(SignatureError::Malformed("SignedHeaders"));
    check(&["x-amz-date", "host"], unsorted);
}

#[test]
fn old_signatures_are_refused() {
    let head = signed(&USUAL, &[]);
    let check = |seconds: u64, expected: Result<(), SignatureError>| {
        let now = now() + Duration::from_secs(seconds);
        assert_eq!(check_signature(&sender(), &head, b"body", now), expected);
    };
    check(900, Ok(()));
    check(901, Err(SignatureError::Expired));
}

#[test]
fn a_session_token_must_be_the_senders() {
    let mut sender = sender();
    sender.session_token = Some("the-session".to_owned());
    let check = |token: &'static str, expected: Result<(), SignatureError>| {
        let names = ["host", "x-amz-date", "x-amz-security-token"];
        let head = signed(&names, &[("x-amz-security-token", token)]);
        assert_eq!(check_signature(&sender, &head, b"body", now()), expected);
    };
    check("the-session", Ok(()));
    check("another", Err(SignatureError::UnknownSender));
}
