//! Segments that earlier versions wrote are read, each from a committed sample.

use std::fs;
use std::path::{Path, PathBuf};
use std::time::{Duration, SystemTime};

use bridge_auth::{ActorId, KeySource};
use bridge_record::{
    Ended, ErrorType, Event, FaultKind, JournalConfig, JournalFile, ModelThought, OpenError,
    Outcome, PromptUsage, Record, SegmentContent, SegmentFault, Started, TokenUsage, ToolUsage,
};

use crate::support::{Shelf, open};

fn sample(name: &str) -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR"))
        .join("tests/samples")
        .join(name)
}

fn read(bytes: &[u8]) -> Result<SegmentContent, OpenError> {
    let file = JournalFile {
        path: PathBuf::from("sample"),
        number: 1,
        bytes: bytes.len() as u64,
        is_aside: false,
    };
    SegmentContent::decode(&file, bytes)
}

/// What the first sample of version 1 holds: one record of each kind, with every field set that
/// there was at that time.
fn records() -> Vec<Record> {
    let text = |text: &str| Some(text.to_owned());
    let response_id = "msg_01".to_owned();
    let started = Started {
        initiator: ActorId::from_bytes([7; 16]),
        api_key_id: "abcdefghij".to_owned(),
        provider: "anthropic".to_owned(),
        provider_name: "work".to_owned(),
        model: "a-model".to_owned(),
        route: "/v1/messages".to_owned(),
        streaming: true,
        client: "Claude Code".to_owned(),
        user_agent: "agent/1.0".to_owned(),
        client_session_id: text("session"),
        client_agent_id: text("agent"),
        correlating_tool_call_id: text("call"),
        credential_kind: KeySource::Byok,
        credential_hint: "sk-...abcd".to_owned(),
        workspace_id: text("workspace"),
        agent_firewall_session_id: text("firewall"),
        agent_firewall_sequence_number: Some(-3),
        source: text("host"),
        correlation_id: text("correlation"),
        metadata: vec![("name".to_owned(), "value".to_owned())],
    };
    let tokens = TokenUsage {
        response_id: response_id.clone(),
        input: 1,
        output: 2,
        cache_read: 3,
        cache_write: u64::MAX,
        extra: vec![("reasoning".to_owned(), 4)],
        partial: true,
        ..TokenUsage::default()
    };
    let prompt = PromptUsage {
        response_id: response_id.clone(),
        prompt: "zwei \"Zeilen\"\nund \u{0} und \u{1f30a}".to_owned(),
    };
    let tool = ToolUsage {
        response_id: response_id.clone(),
        kind: "function".to_owned(),
        tool: "read".to_owned(),
        namespace: text("files"),
        call_id: "call_1".to_owned(),
        item_id: text("item_1"),
        input: "{\"path\":\"/a\"}".to_owned(),
        server_url: text("https://tools.example.com"),
        injected: true,
        invocation_error: text("refused"),
        ..ToolUsage::default()
    };
    let thought = ModelThought {
        response_id,
        content: "so".to_owned(),
        source: "thinking".to_owned(),
    };
    let ended = Ended {
        outcome: Outcome::Failed,
        credential_hint: "sk-...abcd".to_owned(),
        provider_status: Some(529),
        error_type: Some(ErrorType::Overloaded),
        error_message: text("overloaded"),
    };
    let events = [
        Event::Started(Box::new(started)),
        Event::Tokens(Box::new(tokens)),
        Event::Prompt(prompt),
        Event::Tool(Box::new(tool)),
        Event::Thought(thought),
        Event::Ended(Box::new(ended)),
    ];
    let number = |event| format!("00000000-0000-7000-8000-0000000000{event:02}");
    let record = |(at, event)| Record {
        id: number(at).parse().unwrap(),
        interception: number(99).parse().unwrap(),
        at: SystemTime::UNIX_EPOCH + Duration::new(1_790_000_000, 123_456_789),
        event,
    };
    events.into_iter().enumerate().map(record).collect()
}

#[test]
fn version_1_is_read() {
    let bytes = fs::read(sample("journal-v1.log")).unwrap();
    let segment = read(&bytes).unwrap();
    let (sequences, found): (Vec<_>, Vec<_>) = segment.records.into_iter().unzip();
    assert_eq!(found, records());
    assert_eq!(sequences, [1, 2, 3, 4, 5, 6]);
    assert!(segment.faults.is_empty() && segment.torn_at.is_none());
}

/// Fields that came later: an injected tool has the name of its server, and the time that it took.
#[test]
fn a_call_of_an_injected_tool_is_read() {
    let bytes = fs::read(sample("journal-v1-injected.log")).unwrap();
    let segment = read(&bytes).unwrap();
    let tools = segment.records.into_iter().filter_map(|(_, record)| {
        if let Event::Tool(tool) = record.event {
            return Some(*tool);
        }
        None
    });
    let text = |text: &str| Some(text.to_owned());
    let expected = ToolUsage {
        response_id: "msg_01".to_owned(),
        kind: "function".to_owned(),
        tool: "search".to_owned(),
        call_id: "call_1".to_owned(),
        input: "{}".to_owned(),
        server: text("docs"),
        server_url: text("https://tools.example.com"),
        injected: true,
        invocation_error: text("refused"),
        duration_ms: Some(1_250),
        ..ToolUsage::default()
    };
    assert_eq!(tools.collect::<Vec<_>>(), [expected]);
}

#[test]
fn a_record_that_is_not_understood_is_told_with_its_place() {
    let mut bytes = fs::read(sample("journal-v1.log")).unwrap();
    let places = |mark: &[u8]| -> Vec<usize> {
        let all = bytes.windows(mark.len()).enumerate();
        let found = all.filter(|(_, place)| *place == mark);
        found.map(|(at, _)| at).collect()
    };
    let event = places(b"\"prompt\":{")[0];
    let before = |all: Vec<usize>| all.into_iter().rfind(|at| *at < event).unwrap();
    let (group, record) = (before(places(b"\xFFGR\x01")), before(places(b"\xFFRE\x01")));
    // The event gets a name that nobody knows, and all checksums are right.
    bytes[event + 1] = b'q';
    let length = |at: usize| u32::from_le_bytes(*bytes[at + 4..].first_chunk().unwrap()) as usize;
    let (end, group_end) = (record + 40 + length(record), group + 28 + length(group));
    let mut put = |at: usize, parts: [std::ops::Range<usize>; 2]| {
        let covered = parts.map(|part| bytes[part].to_vec()).concat();
        bytes.splice(at..at + 4, crc32fast::hash(&covered).to_le_bytes());
    };
    put(record + 36, [record + 4..record + 36, record + 40..end]);
    put(group + 20, [group + 28..group_end, 0..0]);
    put(group + 24, [group..group + 24, 0..0]);

    let segment = read(&bytes).unwrap();
    assert_eq!(segment.records.len(), 5);
    let (offset, what) = (record as u64, FaultKind::Unreadable);
    assert_eq!(segment.faults, [SegmentFault { offset, what }]);
}

#[tokio::test]
async fn a_later_version_is_left_to_the_one_that_wrote_it() {
    let mut bytes = fs::read(sample("journal-v1.log")).unwrap();
    bytes[8] = 2;
    // The header's checksum stands at its end, and its length says where that is.
    let length = usize::from(u16::from_le_bytes([bytes[12], bytes[13]]));
    let sum = crc32fast::hash(bytes.get(..length - 4).unwrap()).to_le_bytes();
    bytes.splice(length - 4..length, sum);
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("00000000000000000001.log");
    fs::write(&path, &bytes).unwrap();
    let refused = open(folder.path(), &Shelf::there(), JournalConfig::default()).await;
    let told = refused.unwrap_err().to_string();
    assert!(
        told.contains("version 2") && told.contains("knows 1"),
        "{told}"
    );
    assert_eq!(fs::read(&path).unwrap(), bytes);
}
