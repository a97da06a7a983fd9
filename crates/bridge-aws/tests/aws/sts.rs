//! A server that lends roles, over real sockets.

use std::sync::Arc;
use std::sync::atomic::{AtomicU32, Ordering};

use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::{TcpListener, TcpStream};
use tokio::sync::Semaphore;

/// A server that lends roles until it is dropped.
pub(crate) struct Lender {
    pub(crate) endpoint: String,
    pub(crate) count: Arc<AtomicU32>,
    requests: tokio::sync::mpsc::Receiver<String>,
    /// One permit for each answer.
    pub(crate) gate: Arc<Semaphore>,
    _work: tokio::task::JoinSet<()>,
}

impl Lender {
    /// Answers with this status and body.
    pub(crate) async fn start(status: u16, body: String) -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let endpoint = format!("http://{}", listener.local_addr().unwrap());
        let (sender, requests) = tokio::sync::mpsc::channel(64);
        let (count, gate) = (Arc::new(AtomicU32::new(0)), Arc::new(Semaphore::new(0)));
        let mut work = tokio::task::JoinSet::new();
        let (counted, gated) = (Arc::clone(&count), Arc::clone(&gate));
        work.spawn(async move {
            loop {
                let (socket, _) = listener.accept().await.unwrap();
                let Some((request, socket)) = read(socket).await else {
                    continue;
                };
                counted.fetch_add(1, Ordering::SeqCst);
                sender.send(request).await.unwrap();
                gated.acquire().await.unwrap().forget();
                answer(socket, status, &body).await;
            }
        });
        Self {
            endpoint,
            count,
            requests,
            gate,
            _work: work,
        }
    }

    /// The next request, head and body.
    pub(crate) async fn request(&mut self) -> String {
        self.requests.recv().await.unwrap()
    }
}

async fn read(mut socket: TcpStream) -> Option<(String, TcpStream)> {
    let mut bytes = Vec::new();
    loop {
        if socket.read_buf(&mut bytes).await.ok()? == 0 {
            return None;
        }
        let text = String::from_utf8_lossy(&bytes).into_owned();
        let Some((head, body)) = text.split_once("\r\n\r\n") else {
            continue;
        };
        let length = head
            .lines()
            .filter_map(|line| line.split_once(':'))
            .find(|(name, _)| name.eq_ignore_ascii_case("content-length"))
            .map_or(0, |(_, value)| value.trim().parse().unwrap());
        if body.len() >= length {
            return Some((text, socket));
        }
    }
}

async fn answer(mut socket: TcpStream, status: u16, body: &str) {
    let length = body.len();
    let head = format!(
        "HTTP/1.1 {status} Said\r\ncontent-type: text/xml\r\ncontent-length: {length}\r\n\
         connection: close\r\n\r\n"
    );
    // Whoever asked may have gone.
    let _is_gone = socket.write_all(format!("{head}{body}").as_bytes()).await;
}

/// What AWS answers when it lends a role.
pub(crate) fn lent(id: &str, expires: &str) -> String {
    format!(
        "<AssumeRoleResponse xmlns=\"https://sts.amazonaws.com/doc/2011-06-15/\">\
         <AssumeRoleResult><AssumedRoleUser><Arn>arn:aws:sts::111122223333:assumed-role/r/s</Arn>\
         <AssumedRoleId>R:s</AssumedRoleId></AssumedRoleUser><Credentials>\
         <AccessKeyId>{id}</AccessKeyId><SecretAccessKey>lent secret</SecretAccessKey>\
         <SessionToken>lent token</SessionToken><Expiration>{expires}</Expiration>\
         </Credentials></AssumeRoleResult><ResponseMetadata><RequestId>1</RequestId>\
         </ResponseMetadata></AssumeRoleResponse>"
    )
}

/// What AWS answers when it does not.
pub(crate) fn refused() -> String {
    "<ErrorResponse xmlns=\"https://sts.amazonaws.com/doc/2011-06-15/\"><Error><Type>Sender</Type>\
     <Code>AccessDenied</Code><Message>not authorized to perform: sts:AssumeRole</Message></Error>\
     <RequestId>1</RequestId></ErrorResponse>"
        .to_owned()
}
