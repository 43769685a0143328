//! Where a repository lies, as restic spells it in `RESTIC_REPOSITORY`.

use std::fmt;
use std::path::PathBuf;
use std::str::FromStr;

use percent_encoding::percent_decode_str;
use url::Url;

use crate::RepositoryError;

/// Back ends of restic that this app has none for.
const UNSUPPORTED: [&str; 9] =
    ["sftp", "rest", "b2", "azure", "gs", "swift", "rclone", "opendal", "webdav"];

/// Cloudflare R2's endpoints, of every jurisdiction.
pub(crate) const R2_SUFFIX: &str = ".r2.cloudflarestorage.com";

/// How an S3 request names the bucket.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Hash)]
pub enum AddressStyle {
    /// In the path: `https://host/bucket/key`.
    #[default]
    Path,
    /// In the host: `https://bucket.host/key`.
    Host,
}

/// A repository's address. Its text never holds credentials: an address that
/// does is refused.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub struct Location(pub(crate) Place);

#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub(crate) enum Place {
    Local(PathBuf),
    S3(S3Place),
}

#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub(crate) struct S3Place {
    pub(crate) https: bool,
    /// Host with port.
    pub(crate) host: String,
    pub(crate) bucket: String,
    /// Without slashes around it; may be empty.
    pub(crate) prefix: String,
    pub(crate) style: AddressStyle,
}

impl Location {
    /// The same address with the bucket named in another way.
    #[must_use]
    pub fn with_address_style(mut self, style: AddressStyle) -> Self {
        if let Place::S3(place) = &mut self.0 {
            place.style = style;
        }
        self
    }

    /// Whether it is a folder of this computer.
    #[must_use]
    pub const fn is_local(&self) -> bool {
        matches!(self.0, Place::Local(_))
    }
}

impl S3Place {
    /// What requests are sent to.
    pub(crate) fn endpoint(&self) -> String {
        let scheme = if self.https { "https" } else { "http" };
        match self.style {
            AddressStyle::Path => format!("{scheme}://{}", self.host),
            AddressStyle::Host => format!("{scheme}://{}.{}", self.bucket, self.host),
        }
    }

    /// Host without port.
    pub(crate) fn host_name(&self) -> &str {
        self.host.split(':').next().unwrap_or_default()
    }

    /// The region requests are signed for where the credentials name none.
    pub(crate) fn region(&self) -> &str {
        let host = self.host_name();
        if host.ends_with(R2_SUFFIX) {
            return "auto";
        }
        // s3.eu-central-1.amazonaws.com, s3.dualstack.eu-central-1.amazonaws.com
        host.strip_suffix(".amazonaws.com")
            .and_then(|host| host.rsplit_once('.'))
            .map_or("us-east-1", |(_, region)| region)
    }
}

impl FromStr for Location {
    type Err = RepositoryError;

    fn from_str(text: &str) -> Result<Self, RepositoryError> {
        if text.is_empty() {
            return Err(RepositoryError::invalid("it is empty"));
        }
        if text.chars().any(char::is_control) {
            return Err(RepositoryError::invalid("it holds control characters"));
        }
        if let Some(rest) = text.strip_prefix("s3:") {
            return s3(rest).map(|place| Self(Place::S3(place)));
        }
        if let Some(back_end) = UNSUPPORTED
            .into_iter()
            .find(|back_end| text.strip_prefix(back_end).is_some_and(|rest| rest.starts_with(':')))
        {
            return Err(RepositoryError::LocationUnsupported { back_end });
        }
        if text.contains("://") {
            return Err(RepositoryError::invalid(
                "it is a URL; an S3 repository is written s3:https://host/bucket/folder",
            ));
        }
        let folder = text.strip_prefix("local:").unwrap_or(text);
        if folder.is_empty() {
            return Err(RepositoryError::invalid("it names no folder"));
        }
        Ok(Self(Place::Local(folder.into())))
    }
}

fn s3(text: &str) -> Result<S3Place, RepositoryError> {
    let (https, rest, is_url) = if let Some(rest) = text.strip_prefix("https://") {
        (true, rest, true)
    } else if let Some(rest) = text.strip_prefix("http://") {
        (false, rest, true)
    } else {
        (true, text.strip_prefix("//").unwrap_or(text), false)
    };
    let (host, path) = rest.split_once('/').unwrap_or((rest, ""));
    if host.contains('@') || host.contains('%') {
        return Err(RepositoryError::invalid("it must not hold credentials"));
    }
    let scheme = if https { "https" } else { "http" };
    let url = Url::parse(&format!("{scheme}://{host}/"))
        .ok()
        .filter(|url| url.host_str().is_some_and(|host| !host.is_empty()) && url.path() == "/")
        .ok_or_else(|| RepositoryError::invalid("its host makes no sense"))?;
    let host = match (url.host_str(), url.port()) {
        (Some(host), Some(port)) => format!("{host}:{port}"),
        (Some(host), None) => host.to_owned(),
        (None, _) => return Err(RepositoryError::invalid("its host makes no sense")),
    };

    let path = if is_url {
        if path.contains(['?', '#']) {
            return Err(RepositoryError::invalid("\"?\" and \"#\" have no place in it"));
        }
        percent_decode_str(path)
            .decode_utf8()
            .map_err(|_| RepositoryError::invalid("its path is not UTF-8"))?
    } else {
        path.into()
    };
    let mut parts = path.split('/').filter(|part| !part.is_empty());
    let bucket =
        parts.next().ok_or_else(|| RepositoryError::invalid("it names no bucket"))?.to_owned();
    let prefix = parts.collect::<Vec<_>>().join("/");
    if object_store::path::Path::parse(&prefix).is_err()
        || object_store::path::Path::parse(&bucket).is_err()
    {
        return Err(RepositoryError::invalid("its bucket or folder cannot be one"));
    }
    Ok(S3Place { https, host, bucket, prefix, style: AddressStyle::Path })
}

impl fmt::Display for Location {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match &self.0 {
            Place::Local(folder) => write!(f, "{}", folder.display()),
            Place::S3(place) => {
                let scheme = if place.https { "https" } else { "http" };
                write!(f, "s3:{scheme}://{}/{}", place.host, place.bucket)?;
                if !place.prefix.is_empty() {
                    write!(f, "/{}", place.prefix)?;
                }
                Ok(())
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use model::Code;
    use proptest::prelude::*;

    use super::*;

    fn place(text: &str) -> S3Place {
        match text.parse::<Location>().unwrap().0 {
            Place::S3(place) => place,
            Place::Local(_) => panic!("{text} is a folder"),
        }
    }

    #[test]
    fn every_spelling_of_s3_is_read() {
        for (text, shown) in [
            ("s3:https://host/bucket", "s3:https://host/bucket"),
            ("s3:https://host/bucket/", "s3:https://host/bucket"),
            ("s3:https://host:9000/bucket/a/b/", "s3:https://host:9000/bucket/a/b"),
            ("s3:http://127.0.0.1:9000/bucket//a", "s3:http://127.0.0.1:9000/bucket/a"),
            ("s3:host/bucket/prefix", "s3:https://host/bucket/prefix"),
            ("s3://host/bucket/prefix", "s3:https://host/bucket/prefix"),
            ("s3:localhost:9000/bucket", "s3:https://localhost:9000/bucket"),
            ("s3:https://[::1]:9000/bucket", "s3:https://[::1]:9000/bucket"),
            ("s3:https://host/bucket/my%20folder", "s3:https://host/bucket/my folder"),
            ("s3:host/bucket/my%20folder", "s3:https://host/bucket/my%20folder"),
        ] {
            let location: Location = text.parse().unwrap();
            assert_eq!(location.to_string(), shown);
            assert!(!location.is_local());
        }
    }

    #[test]
    fn the_region_follows_the_host() {
        for (host, region) in [
            ("0123abcd.r2.cloudflarestorage.com", "auto"),
            ("0123abcd.eu.r2.cloudflarestorage.com", "auto"),
            ("s3.amazonaws.com", "us-east-1"),
            ("s3.eu-central-1.amazonaws.com", "eu-central-1"),
            ("s3.dualstack.eu-west-3.amazonaws.com", "eu-west-3"),
            ("127.0.0.1:9000", "us-east-1"),
        ] {
            let place = place(&format!("s3:https://{host}/bucket"));
            let expected = if host == "s3.amazonaws.com" { "us-east-1" } else { region };
            assert_eq!(place.region(), expected, "{host}");
        }
    }

    #[test]
    fn the_bucket_is_in_the_path_unless_asked_otherwise() {
        let location: Location = "s3:https://host:9000/bucket/a".parse().unwrap();
        let Place::S3(place) = location.clone().0 else { unreachable!() };
        assert_eq!(place.endpoint(), "https://host:9000");
        let Place::S3(place) = location.with_address_style(AddressStyle::Host).0 else {
            unreachable!()
        };
        assert_eq!(place.endpoint(), "https://bucket.host:9000");
    }

    #[test]
    fn folders_are_read() {
        for (text, folder) in [
            ("/srv/repository", "/srv/repository"),
            ("local:/srv/repository", "/srv/repository"),
            ("local:sftp:odd", "sftp:odd"),
            ("relative/folder", "relative/folder"),
            (r"C:\repository", r"C:\repository"),
        ] {
            let location: Location = text.parse().unwrap();
            assert_eq!(location.0, Place::Local(folder.into()));
            assert_eq!(location.to_string(), folder);
        }
    }

    #[test]
    fn other_back_ends_are_named() {
        for text in ["sftp:user@host:/srv", "rest:https://user:secret@host/", "b2:bucket:path"] {
            let error = text.parse::<Location>().unwrap_err();
            assert_eq!(error.code(), Code::Usage);
            let back_end = text.split(':').next().unwrap();
            assert!(error.to_string().contains(&format!("\"{back_end}\"")), "{error}");
        }
    }

    #[test]
    fn what_makes_no_sense_is_refused_without_being_repeated() {
        for text in [
            "",
            "local:",
            "s3:",
            "s3:https://",
            "s3:https:///bucket",
            "s3:https://host",
            "s3:https://host/",
            "s3:host",
            "s3:https://key:secret@host/bucket",
            "s3:key:secret@host/bucket",
            "s3:https://host/bucket?secret",
            "s3:https://host/bucket/../secret",
            "s3:https://host/../secret",
            "s3:https://host:secret/bucket",
            "s3:https://host/bucket/%ff",
            "https://user:secret@host/bucket",
            "/srv/\x1b[31m",
        ] {
            let error = text.parse::<Location>().unwrap_err();
            assert_eq!(error.code(), Code::Usage, "{text}");
            assert!(!error.to_string().contains("secret"), "{error}");
        }
    }

    proptest! {
        #[test]
        fn reading_an_address_never_panics(text in any::<String>()) {
            let _ = text.parse::<Location>();
        }

        #[test]
        fn what_is_shown_is_read_back(
            text in "s3:(https?://)?[a-z0-9.-]{1,12}(:[0-9]{1,5})?(/[a-zA-Z0-9._ -]{0,8}){1,4}"
        ) {
            if let Ok(location) = text.parse::<Location>() {
                prop_assert_eq!(location.to_string().parse::<Location>(), Ok(location));
            }
        }
    }
}
