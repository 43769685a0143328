//! Reading ranges of objects: over HTTP with signed URLs, or from a folder of
//! this computer.

mod folder;
mod http;

use std::sync::Arc;
use std::time::Duration;

pub(crate) use http::Client;
use zeroize::Zeroizing;

use crate::ticket::{Object, Source};

/// Why a range could not be read. Texts hold no URL and no key.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub(crate) enum Trouble {
    /// No connection, a broken one, silence, or an error of the store's own.
    #[error("{0}")]
    Passing(String),
    /// The store wants fewer requests.
    #[error("the store wants fewer requests")]
    Busy(Option<Duration>),
    /// The signature is refused.
    #[error("the store refuses the signature ({0})")]
    Refused(String),
    /// There is no such object, or it is shorter than the index says.
    #[error("{0}")]
    Missing(&'static str),
}

/// One reader's way to the store, kept open from one range to the next.
#[derive(Debug)]
pub(crate) enum Line {
    /// HTTP; connected when it is first needed.
    Http(Box<http::Connection>),
    /// A folder.
    Folder,
}

/// A range on its way.
#[derive(Debug)]
pub(crate) enum Body<'a> {
    Http(http::Body<'a>),
    Folder(folder::Body),
}

impl Line {
    /// `number` spreads readers over the addresses of a store.
    pub(crate) fn new(source: &Source, client: &Arc<Client>, number: usize) -> Self {
        match source {
            Source::Folder(_) => Self::Folder,
            Source::Signed(_) => {
                Self::Http(Box::new(http::Connection::new(Arc::clone(client), number)))
            }
        }
    }

    /// Asks for bytes `from..to` of an object.
    pub(crate) async fn open(
        &mut self,
        source: &Source,
        object: Object<'_>,
        from: u64,
        to: u64,
    ) -> Result<Body<'_>, Trouble> {
        match (self, source) {
            (Self::Folder, Source::Folder(root)) => {
                folder::Body::open(root, object, from, to).await.map(Body::Folder)
            }
            (Self::Http(connection), Source::Signed(signed)) => {
                let path = signed
                    .path_and_query(object)
                    .ok_or_else(|| Trouble::Refused("the ticket does not cover it".into()))?;
                connection.open(signed, path, from, to).await.map(Body::Http)
            }
            _ => Err(Trouble::Passing("the ticket is of another kind".into())),
        }
    }
}

impl Body<'_> {
    /// Fills the buffer with the next bytes. `silence` is how long nothing may
    /// come.
    pub(crate) async fn fill(
        &mut self,
        buffer: &mut [u8],
        silence: Duration,
        heard: impl Fn(usize),
    ) -> Result<(), Trouble> {
        match self {
            Self::Http(body) => body.fill(buffer, silence, heard).await,
            Self::Folder(body) => body.fill(buffer, heard).await,
        }
    }

    /// Reads over bytes that nobody wants.
    pub(crate) async fn skip(
        &mut self,
        length: u64,
        silence: Duration,
        heard: impl Fn(usize),
    ) -> Result<(), Trouble> {
        match self {
            Self::Http(body) => body.skip(length, silence, heard).await,
            Self::Folder(body) => {
                body.skip(length);
                Ok(())
            }
        }
    }
}

type Secret = Zeroizing<String>;
