//! The seam under SSH: a stream of bytes to an address. The real one is
//! [`Tcp`]; practice machines answer through the same trait without a socket,
//! so that whole races run in virtual time.

use std::fmt;
use std::io;

use async_trait::async_trait;
use model::Endpoint;
use tokio::io::{AsyncRead, AsyncWrite};
use tokio::net::TcpStream;

/// A stream of bytes in both directions.
pub trait Stream: AsyncRead + AsyncWrite + Unpin + Send {}

impl<T: AsyncRead + AsyncWrite + Unpin + Send> Stream for T {}

/// Any stream.
pub type BoxedStream = Box<dyn Stream>;

/// Opens streams to addresses.
#[async_trait]
pub trait Transport: Send + Sync + fmt::Debug {
    /// One attempt, no retry. Dropping the future abandons it.
    async fn open(&self, endpoint: &Endpoint) -> io::Result<BoxedStream>;
}

/// The real thing.
#[derive(Debug, Clone, Copy, Default)]
pub struct Tcp;

#[async_trait]
impl Transport for Tcp {
    async fn open(&self, endpoint: &Endpoint) -> io::Result<BoxedStream> {
        let stream = TcpStream::connect((endpoint.host.as_str(), endpoint.port)).await?;
        stream.set_nodelay(true)?;
        Ok(Box::new(stream))
    }
}
