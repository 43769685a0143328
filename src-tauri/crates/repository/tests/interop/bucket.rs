//! One S3 bucket that lives in this process: requests reach it without a
//! socket, and it remembers them.

use std::collections::BTreeMap;
use std::sync::{Arc, Mutex};

use bytes::Bytes;
use http::{HeaderMap, Method, StatusCode};
use object_store::ClientOptions;
use object_store::client::{
    HttpClient, HttpConnector, HttpError, HttpErrorKind, HttpRequest, HttpResponse, HttpService,
};

/// Keys in one answer to a list, so that lists have pages.
const PAGE: usize = 2;

/// A request as it arrived.
#[derive(Debug, Clone)]
pub struct Request {
    pub method: Method,
    pub uri: String,
    pub headers: HeaderMap,
}

impl Request {
    pub fn header(&self, name: &str) -> &str {
        self.headers.get(name).map_or("", |value| value.to_str().unwrap())
    }
}

/// What the bucket says to everything, instead of an honest answer.
#[derive(Debug, Clone)]
pub enum Fault {
    /// A status with an S3 error code.
    Refusal(u16, &'static str),
    /// No connection.
    Unreachable,
}

#[derive(Debug, Default)]
struct State {
    /// By path, with the bucket where the style has it there.
    objects: BTreeMap<String, Bytes>,
    requests: Vec<Request>,
    /// Each is used up by one request.
    faults: Vec<Fault>,
    /// Used by every request.
    lasting_fault: Option<Fault>,
    date: Option<&'static str>,
    refuses_conditions: bool,
}

/// A bucket; clones are the same one.
#[derive(Debug, Clone, Default)]
pub struct Bucket(Arc<Mutex<State>>);

impl Bucket {
    pub fn connector(&self) -> Arc<dyn HttpConnector> {
        Arc::new(self.clone())
    }

    pub fn put(&self, path: &str, bytes: impl Into<Bytes>) {
        self.0.lock().unwrap().objects.insert(path.into(), bytes.into());
    }

    pub fn paths(&self) -> Vec<String> {
        self.0.lock().unwrap().objects.keys().cloned().collect()
    }

    /// The requests since this was asked last.
    pub fn requests(&self) -> Vec<Request> {
        std::mem::take(&mut self.0.lock().unwrap().requests)
    }

    pub fn fail_once(&self, fault: Fault) {
        self.0.lock().unwrap().faults.push(fault);
    }

    pub fn fail_always(&self, fault: Option<Fault>) {
        self.0.lock().unwrap().lasting_fault = fault;
    }

    pub fn set_date(&self, date: &'static str) {
        self.0.lock().unwrap().date = Some(date);
    }

    pub fn refuse_conditions(&self) {
        self.0.lock().unwrap().refuses_conditions = true;
    }
}

impl HttpConnector for Bucket {
    fn connect(&self, _: &ClientOptions) -> object_store::Result<HttpClient> {
        Ok(HttpClient::new(self.clone()))
    }
}

#[async_trait::async_trait]
impl HttpService for Bucket {
    async fn call(&self, request: HttpRequest) -> Result<HttpResponse, HttpError> {
        let (parts, body) = request.into_parts();
        let body = object_store::client::HttpResponseBody::new(body).bytes().await?;
        let mut state = self.0.lock().unwrap();
        state.requests.push(Request {
            method: parts.method.clone(),
            uri: parts.uri.to_string(),
            headers: parts.headers.clone(),
        });
        let fault = state.faults.pop().or_else(|| state.lasting_fault.clone());
        let (status, body) = match fault {
            Some(Fault::Unreachable) => {
                let refused = std::io::Error::from(std::io::ErrorKind::ConnectionRefused);
                return Err(HttpError::new(HttpErrorKind::Connect, refused));
            }
            Some(Fault::Refusal(status, code)) => {
                (StatusCode::from_u16(status).unwrap(), document(code))
            }
            None => answer(&mut state, &parts, body),
        };
        let mut response = http::Response::builder()
            .status(status)
            .header("content-length", body.len())
            .header("etag", "\"e\"");
        if let Some(date) = state.date {
            response = response.header("date", date);
        }
        let body = if parts.method == Method::HEAD { Bytes::new() } else { body };
        Ok(response.body(body.into()).unwrap())
    }
}

fn document(code: &str) -> Bytes {
    format!("<Error><Code>{code}</Code><Message>told by the test</Message></Error>").into()
}

fn answer(state: &mut State, parts: &http::request::Parts, body: Bytes) -> (StatusCode, Bytes) {
    let path = parts.uri.path().to_owned();
    let query: BTreeMap<String, String> =
        url::form_urlencoded::parse(parts.uri.query().unwrap_or_default().as_bytes())
            .into_owned()
            .collect();
    let not_found = (StatusCode::NOT_FOUND, document("NoSuchKey"));
    match parts.method {
        Method::GET if query.contains_key("list-type") => {
            (StatusCode::OK, list(state, &path, &query))
        }
        Method::GET | Method::HEAD => {
            state.objects.get(&path).map_or(not_found, |bytes| (StatusCode::OK, bytes.clone()))
        }
        Method::PUT => {
            if parts.headers.contains_key("if-none-match") {
                if state.refuses_conditions {
                    return (StatusCode::NOT_IMPLEMENTED, document("NotImplemented"));
                }
                if state.objects.contains_key(&path) {
                    return (StatusCode::PRECONDITION_FAILED, document("PreconditionFailed"));
                }
            }
            state.objects.insert(path, body);
            (StatusCode::OK, Bytes::new())
        }
        _ => (StatusCode::METHOD_NOT_ALLOWED, document("MethodNotAllowed")),
    }
}

fn list(state: &State, bucket: &str, query: &BTreeMap<String, String>) -> Bytes {
    let bucket = format!("{}/", bucket.trim_end_matches('/'));
    let prefix = &query["prefix"];
    let after = query.get("continuation-token").cloned().unwrap_or_default();
    let mut keys = state
        .objects
        .iter()
        .filter_map(|(path, bytes)| Some((path.strip_prefix(&bucket)?, bytes.len())))
        .filter(|(key, _)| key.starts_with(prefix) && **key > *after)
        .peekable();
    let page: Vec<_> = keys.by_ref().take(PAGE).collect();
    let next = match (keys.peek(), page.last()) {
        (Some(_), Some((last, _))) => {
            format!("<NextContinuationToken>{last}</NextContinuationToken>")
        }
        _ => String::new(),
    };
    let entries: String = page
        .into_iter()
        .flat_map(|(key, size)| {
            [
                format!("<Contents><Key>{key}</Key><Size>{size}</Size>"),
                "<LastModified>2026-01-01T00:00:00.000Z</LastModified></Contents>".into(),
            ]
        })
        .collect();
    format!("<ListBucketResult>{next}{entries}</ListBucketResult>").into()
}
