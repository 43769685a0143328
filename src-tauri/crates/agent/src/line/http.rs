//! HTTP/1.1 over TCP or TLS, one connection a reader. HTTP/2 is never offered:
//! it would fold all readers into one connection, and one loss would stop them
//! all.
//!
//! All that is ever asked is one range of one object, so this reads an
//! answer's body from the socket straight to where it is opened: at these
//! rates every copy and every wake-up counts. Heads are read by `httparse`.

use std::fmt;
use std::io;
use std::sync::Arc;
use std::time::Duration;

use rustls::pki_types::{CertificateDer, ServerName};
use rustls::{ClientConfig, RootCertStore};
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::{TcpStream, lookup_host};
use tokio::time::timeout;
use tokio_rustls::TlsConnector;
use tokio_rustls::client::TlsStream;

use super::{Secret, Trouble};
use crate::ticket::Signed;

/// How long one address may take to answer.
const CONNECT: Duration = Duration::from_secs(4);
/// How long the first byte of an answer may take.
const HEAD: Duration = Duration::from_secs(8);
/// How long an error's document may take.
const ERROR: Duration = Duration::from_secs(2);
/// An answer's head and an error's document are shorter, in bytes.
const MAX_HEAD: usize = 16 << 10;
const MAX_FIELDS: usize = 64;
/// Bytes that nobody wants are read in such portions.
const SKIPPED: usize = 16 << 10;

/// What all connections share.
pub(crate) struct Client {
    tls: TlsConnector,
}

impl fmt::Debug for Client {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Client")
    }
}

impl Client {
    /// `trust` is trusted beside the roots that are compiled in.
    pub(crate) fn new(trust: Vec<CertificateDer<'static>>) -> Result<Self, rustls::Error> {
        let mut roots = RootCertStore { roots: webpki_roots::TLS_SERVER_ROOTS.to_vec() };
        for certificate in trust {
            roots.add(certificate)?;
        }
        let provider = Arc::new(rustls::crypto::ring::default_provider());
        let mut config = ClientConfig::builder_with_provider(provider)
            .with_safe_default_protocol_versions()?
            .with_root_certificates(roots)
            .with_no_client_auth();
        config.alpn_protocols = vec![b"http/1.1".to_vec()];
        Ok(Self { tls: TlsConnector::from(Arc::new(config)) })
    }

    async fn connect(&self, signed: &Signed, number: usize) -> Result<Open, Trouble> {
        let (host, port) = address(signed)?;
        let silent = || Trouble::Passing("no connection: the store does not answer".into());
        let found = timeout(CONNECT, lookup_host((host, port))).await.map_err(|_| silent())?;
        let mut addresses: Vec<_> = found.map_err(|error| unreachable(&error))?.collect();
        if addresses.is_empty() {
            return Err(Trouble::Passing("no connection: the store has no address".into()));
        }
        let first = number % addresses.len();
        addresses.rotate_left(first);
        let mut trouble = silent();
        for address in addresses {
            match timeout(CONNECT, TcpStream::connect(address)).await {
                Ok(Ok(stream)) => {
                    // Without it a request waits for the peer's acknowledgement.
                    let _ = stream.set_nodelay(true);
                    return self.greet(stream, signed, host).await;
                }
                Ok(Err(error)) => trouble = unreachable(&error),
                Err(_) => {}
            }
        }
        Err(trouble)
    }

    async fn greet(&self, stream: TcpStream, signed: &Signed, host: &str) -> Result<Open, Trouble> {
        if !signed.is_https() {
            return Ok(Open { stream: Stream::Plain(stream), ahead: Vec::new() });
        }
        let name = ServerName::try_from(host.to_owned())
            .map_err(|_| Trouble::Passing("the store's host makes no sense".into()))?;
        match timeout(CONNECT, self.tls.connect(name, stream)).await {
            Ok(Ok(stream)) => Ok(Open { stream: Stream::Tls(Box::new(stream)), ahead: Vec::new() }),
            Ok(Err(error)) => Err(unreachable(&error)),
            Err(_) => Err(Trouble::Passing("no connection: the store does not answer".into())),
        }
    }
}

fn unreachable(error: &io::Error) -> Trouble {
    Trouble::Passing(format!("no connection: {error}"))
}

fn broken(error: &io::Error) -> Trouble {
    Trouble::Passing(format!("the connection broke: {error}"))
}

fn address(signed: &Signed) -> Result<(&str, u16), Trouble> {
    let authority = signed.authority();
    let usual = if signed.is_https() { 443 } else { 80 };
    let odd = || Trouble::Passing("the store's host makes no sense".into());
    let (host, port) = match authority.rsplit_once(':') {
        Some((host, port)) if !port.contains(']') => (host, port.parse().map_err(|_| odd())?),
        _ => (authority, usual),
    };
    Ok((host.trim_start_matches('[').trim_end_matches(']'), port))
}

#[derive(Debug)]
enum Stream {
    Plain(TcpStream),
    Tls(Box<TlsStream<TcpStream>>),
}

impl Stream {
    async fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        match self {
            Self::Plain(stream) => stream.read(buffer).await,
            Self::Tls(stream) => stream.read(buffer).await,
        }
    }

    async fn write_all(&mut self, bytes: &[u8]) -> io::Result<()> {
        match self {
            Self::Plain(stream) => stream.write_all(bytes).await,
            Self::Tls(stream) => {
                stream.write_all(bytes).await?;
                stream.flush().await
            }
        }
    }
}

/// An open connection, and what came with a head but belongs behind it.
#[derive(Debug)]
struct Open {
    stream: Stream,
    ahead: Vec<u8>,
}

/// What matters of an answer's head.
#[derive(Debug, Default, PartialEq, Eq)]
struct Head {
    status: u16,
    /// Absent where the answer does not tell.
    length: Option<u64>,
    is_last: bool,
    /// The body is mixed with counts.
    is_chunked: bool,
    retry_after: Option<Duration>,
}

impl Head {
    /// Reads a head; `None` if it is not all there yet. Also tells how long
    /// it is.
    fn parse(bytes: &[u8]) -> Result<Option<(Self, usize)>, &'static str> {
        let mut fields = [httparse::EMPTY_HEADER; MAX_FIELDS];
        let mut response = httparse::Response::new(&mut fields);
        let length = match response.parse(bytes) {
            Ok(httparse::Status::Complete(length)) => length,
            Ok(httparse::Status::Partial) => return Ok(None),
            Err(_) => return Err("the store does not speak HTTP/1.1"),
        };
        let mut head = Self {
            status: response.code.unwrap_or_default(),
            is_last: response.version != Some(1),
            ..Self::default()
        };
        for field in &*response.headers {
            let value = std::str::from_utf8(field.value).unwrap_or_default().trim();
            let is = |name: &str| field.name.eq_ignore_ascii_case(name);
            if is("content-length") {
                head.length = value.parse().ok();
            } else if is("connection") {
                head.is_last |= value.eq_ignore_ascii_case("close");
            } else if is("retry-after") {
                head.retry_after = value.parse().ok().map(Duration::from_secs);
            } else if is("transfer-encoding") {
                head.is_chunked = true;
            }
        }
        Ok(Some((head, length)))
    }
}

impl Open {
    async fn ask(
        &mut self,
        signed: &Signed,
        path: &str,
        from: u64,
        to: u64,
    ) -> Result<Head, Trouble> {
        let request = Secret::new(format!(
            "GET {path} HTTP/1.1\r\nHost: {}\r\nRange: bytes={from}-{}\r\nAccept: */*\r\n\
             User-Agent: dumont-agent\r\n\r\n",
            signed.authority(),
            to.saturating_sub(1)
        ));
        self.stream.write_all(request.as_bytes()).await.map_err(|error| broken(&error))?;
        let odd = |problem: &str| Trouble::Passing(problem.to_owned());
        loop {
            if let Some((head, length)) = Head::parse(&self.ahead).map_err(odd)? {
                self.ahead.drain(..length);
                if head.status >= 200 {
                    return Ok(head);
                }
                continue;
            }
            if self.ahead.len() >= MAX_HEAD {
                return Err(odd("the store's answer has no end"));
            }
            let mut buffer = [0; 2048];
            match self.stream.read(&mut buffer).await {
                Ok(0) => return Err(odd("the connection broke: it was closed")),
                Ok(count) => self.ahead.extend_from_slice(&buffer[..count]),
                Err(error) => return Err(broken(&error)),
            }
        }
    }

    async fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        if self.ahead.is_empty() {
            return self.stream.read(buffer).await;
        }
        let count = self.ahead.len().min(buffer.len());
        buffer[..count].copy_from_slice(&self.ahead[..count]);
        self.ahead.drain(..count);
        Ok(count)
    }

    /// What an answer without data means.
    async fn refusal(mut self, head: Head) -> Trouble {
        let code = timeout(ERROR, self.code(head.length)).await;
        let code = code.ok().flatten().unwrap_or_else(|| head.status.to_string());
        match head.status {
            429 | 503 => Trouble::Busy(head.retry_after),
            404 | 410 => Trouble::Missing("it is missing"),
            416 => Trouble::Missing("it is shorter than the index says"),
            401 | 403 => Trouble::Refused(code),
            400 if code.contains("Expired") => Trouble::Refused(code),
            _ => Trouble::Passing(format!("the store answers {code}")),
        }
    }

    /// The code in an S3 error document. The rest of it repeats what was
    /// signed.
    async fn code(&mut self, length: Option<u64>) -> Option<String> {
        let length = length.map_or(MAX_HEAD, |length| length.min(MAX_HEAD as u64) as usize);
        let mut document = Secret::new(String::new());
        let mut buffer = [0; 2048];
        while document.len() < length {
            let most = buffer.len().min(length - document.len());
            match self.read(&mut buffer[..most]).await {
                Ok(0) | Err(_) => break,
                Ok(count) => document.push_str(&String::from_utf8_lossy(&buffer[..count])),
            }
        }
        let (_, rest) = document.split_once("<Code>")?;
        let (code, _) = rest.split_once("</Code>")?;
        let is_code = code.len() < 64 && code.bytes().all(|c| c.is_ascii_alphanumeric());
        is_code.then(|| code.to_owned())
    }
}

/// A connection that is made when it is needed, and made anew when it broke.
#[derive(Debug)]
pub(crate) struct Connection {
    client: Arc<Client>,
    number: usize,
    open: Option<Open>,
}

impl Connection {
    pub(crate) const fn new(client: Arc<Client>, number: usize) -> Self {
        Self { client, number, open: None }
    }

    pub(super) async fn open(
        &mut self,
        signed: &Signed,
        path: Secret,
        from: u64,
        to: u64,
    ) -> Result<Body<'_>, Trouble> {
        let silent = || Trouble::Passing("the store does not answer".into());
        let old = self.open.take();
        let (open, head) = match old {
            Some(mut open) => match timeout(HEAD, open.ask(signed, &path, from, to)).await {
                Ok(Ok(head)) => (open, head),
                // The store may have closed it while nothing was asked.
                Ok(Err(_)) => self.ask_anew(signed, &path, from, to).await?,
                Err(_) => return Err(silent()),
            },
            None => self.ask_anew(signed, &path, from, to).await?,
        };
        let is_data = head.status == 206 || (head.status == 200 && from == 0);
        if !is_data {
            return Err(open.refusal(head).await);
        }
        if head.is_chunked {
            // No object store answers a range so.
            return Err(Trouble::Passing("the store's answer has no length".into()));
        }
        if head.length.is_some_and(|length| length < to - from) {
            return Err(Trouble::Missing("it is shorter than the index says"));
        }
        // Only then is it known where the next answer begins.
        let is_kept = !head.is_last && head.length == Some(to - from);
        Ok(Body { slot: is_kept.then_some(&mut self.open), open: Some(open), left: to - from })
    }

    async fn ask_anew(
        &self,
        signed: &Signed,
        path: &str,
        from: u64,
        to: u64,
    ) -> Result<(Open, Head), Trouble> {
        let mut open = self.client.connect(signed, self.number).await?;
        match timeout(HEAD, open.ask(signed, path, from, to)).await {
            Ok(Ok(head)) => Ok((open, head)),
            Ok(Err(trouble)) => Err(trouble),
            Err(_) => Err(Trouble::Passing("the store does not answer".into())),
        }
    }
}

/// An answer's body. Read to its end, it gives the connection back.
#[derive(Debug)]
pub(crate) struct Body<'a> {
    /// Absent where the connection cannot be used again.
    slot: Option<&'a mut Option<Open>>,
    open: Option<Open>,
    left: u64,
}

impl Body<'_> {
    pub(super) async fn fill(
        &mut self,
        buffer: &mut [u8],
        silence: Duration,
        heard: impl Fn(usize),
    ) -> Result<(), Trouble> {
        let cut_off = || Trouble::Passing("an answer was cut off".into());
        let mut filled = 0;
        while filled < buffer.len() {
            let open = self.open.as_mut().ok_or_else(cut_off)?;
            match timeout(silence, open.read(&mut buffer[filled..])).await {
                Ok(Ok(0)) => return Err(cut_off()),
                Ok(Ok(count)) => {
                    heard(count);
                    filled += count;
                }
                Ok(Err(error)) => return Err(broken(&error)),
                Err(_) => return Err(Trouble::Passing("the store fell silent".into())),
            }
        }
        self.left = self.left.saturating_sub(buffer.len() as u64);
        if self.left == 0
            && let Some(slot) = self.slot.take()
        {
            *slot = self.open.take();
        }
        Ok(())
    }

    pub(super) async fn skip(
        &mut self,
        mut length: u64,
        silence: Duration,
        heard: impl Fn(usize),
    ) -> Result<(), Trouble> {
        let mut buffer = vec![0; SKIPPED.min(length as usize)];
        while length > 0 {
            let count = length.min(SKIPPED as u64);
            self.fill(&mut buffer[..count as usize], silence, &heard).await?;
            length -= count;
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_head_is_read_when_it_is_all_there() {
        let text =
            b"HTTP/1.1 206 Partial Content\r\nContent-Length: 12\r\nRETRY-AFTER: 3\r\n\r\nab";
        let end = text.len() - 2;
        for cut in 0..end {
            assert_eq!(Head::parse(&text[..cut]), Ok(None), "{cut}");
        }
        let head = Head {
            status: 206,
            length: Some(12),
            is_last: false,
            is_chunked: false,
            retry_after: Some(Duration::from_secs(3)),
        };
        assert_eq!(Head::parse(text), Ok(Some((head, end))));
    }

    #[test]
    fn a_connection_whose_answers_have_no_end_is_used_once() {
        for text in [
            "HTTP/1.1 200 OK\r\nContent-Length: 1\r\nConnection: Close\r\n\r\n",
            "HTTP/1.0 200 OK\r\nContent-Length: 1\r\n\r\n",
            "HTTP/1.1 200 OK\r\nContent-Length: 1\r\nconnection: close\r\n\r\n",
        ] {
            let (head, _) = Head::parse(text.as_bytes()).unwrap().unwrap();
            assert!(head.is_last, "{text}");
        }
        assert!(Head::parse(b"SSH-2.0-OpenSSH_9.2\r\n").is_err());
    }

    proptest::proptest! {
        #[test]
        fn reading_a_head_never_panics(bytes: Vec<u8>) {
            let _ = Head::parse(&bytes);
            let _ = Head::parse(&[b"HTTP/1.1 206 X\r\n", &bytes[..], b"\r\n\r\n"].concat());
        }
    }
}
