//! The S3 operations that restic, rclone, s5cmd and `object_store` use, on
//! [`Files`]. Metadata of objects is not kept; there are no versions.

use std::ops::Range;
use std::sync::Arc;
use std::time::{SystemTime, UNIX_EPOCH};

use base64::Engine;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use futures::StreamExt;
use s3s::dto::{
    AbortMultipartUploadInput, AbortMultipartUploadOutput, Bucket, CommonPrefix,
    CompleteMultipartUploadInput, CompleteMultipartUploadOutput, CopyObjectInput, CopyObjectOutput,
    CopyObjectResult, CopySource, CreateBucketInput, CreateBucketOutput,
    CreateMultipartUploadInput, CreateMultipartUploadOutput, DeleteObjectInput, DeleteObjectOutput,
    DeleteObjectsInput, DeleteObjectsOutput, DeletedObject, ETagCondition, EncodingType, Error,
    GetBucketLocationInput, GetBucketLocationOutput, GetObjectInput, GetObjectOutput,
    HeadBucketInput, HeadBucketOutput, HeadObjectInput, HeadObjectOutput, ListBucketsInput,
    ListBucketsOutput, ListObjectsInput, ListObjectsOutput, ListObjectsV2Input,
    ListObjectsV2Output, ListPartsInput, ListPartsOutput, Object, Part as ListedPart,
    PutObjectInput, PutObjectOutput, StreamingBlob, Timestamp, UploadPartInput, UploadPartOutput,
};
use s3s::{Body, S3, S3Request, S3Response, S3Result, s3_error};
use tokio::task::spawn_blocking;

use super::files::{CHUNK, Condition, Files, Part, Receiver, Stat, failed};
use super::key::Key;
use super::listing::{Page, Query};
use super::read::Reading;

/// The most entries on one page of a listing.
const PAGE: i32 = 1000;

/// What `s3s` calls.
#[derive(Debug, Clone)]
pub(super) struct Operations(pub Arc<Files>);

impl Operations {
    async fn run<T: Send + 'static>(
        &self,
        work: impl FnOnce(&Files) -> S3Result<T> + Send + 'static,
    ) -> S3Result<T> {
        let files = self.0.clone();
        let done = spawn_blocking(move || work(&files)).await;
        done.map_err(|error| failed(std::io::Error::other(error)))?
    }

    /// Writes a body aside.
    async fn receive(
        &self,
        body: Option<StreamingBlob>,
        content_md5: Option<String>,
    ) -> S3Result<Part> {
        let mut receiver = self.run(Receiver::new).await?;
        if let Some(mut body) = body {
            let (mut waiting, mut bytes) = (Vec::new(), 0);
            loop {
                let next = body.next().await.transpose();
                let next = next.map_err(|error| s3_error!(IncompleteBody, "{error}"))?;
                let is_last = next.is_none();
                bytes += next.as_ref().map_or(0, bytes::Bytes::len);
                waiting.extend(next);
                if bytes >= CHUNK || (is_last && bytes > 0) {
                    let chunks = std::mem::take(&mut waiting);
                    bytes = 0;
                    let write = move |_: &Files| {
                        chunks.iter().try_for_each(|chunk| receiver.write(chunk))?;
                        Ok(receiver)
                    };
                    receiver = self.run(write).await?;
                }
                if is_last {
                    break;
                }
            }
        }
        receiver.finish(content_md5.as_deref())
    }

    async fn list(&self, bucket: String, query: Query) -> S3Result<Page> {
        self.run(move |files| files.list(&bucket, &query)).await
    }
}

fn length(size: u64) -> Option<i64> {
    i64::try_from(size).ok()
}

/// Preconditions of a read, with times in whole seconds as HTTP has them.
#[derive(Debug)]
struct Unless {
    match_: Option<ETagCondition>,
    none_match: Option<ETagCondition>,
    modified_since: Option<Timestamp>,
    unmodified_since: Option<Timestamp>,
}

impl Unless {
    fn check(&self, stat: &Stat) -> S3Result<()> {
        let is = |wanted: &ETagCondition| match wanted {
            ETagCondition::Any => true,
            ETagCondition::ETag(etag) => etag.value() == stat.etag.value(),
        };
        let seconds = stat.modified.duration_since(UNIX_EPOCH).unwrap_or_default().as_secs();
        let modified = Timestamp::from(UNIX_EPOCH + std::time::Duration::from_secs(seconds));
        let matches = self.match_.as_ref().map(is);
        let changed = self.unmodified_since.as_ref().is_some_and(|since| modified > *since);
        if matches == Some(false) || (matches.is_none() && changed) {
            return Err(s3_error!(PreconditionFailed));
        }
        let same = self.none_match.as_ref().map(is);
        let unchanged = self.modified_since.as_ref().is_some_and(|since| modified <= *since);
        if same == Some(true) || (same.is_none() && unchanged) {
            return Err(s3_error!(NotModified));
        }
        Ok(())
    }
}

/// A listing's text in the encoding that the client asked for.
struct Encoded(Option<EncodingType>);

impl Encoded {
    fn asked(encoding: Option<EncodingType>) -> Self {
        Self(encoding.filter(|encoding| encoding.as_str() == EncodingType::URL))
    }

    fn text(&self, text: String) -> String {
        if self.0.is_none() {
            return text;
        }
        url::form_urlencoded::byte_serialize(text.as_bytes()).collect()
    }

    fn objects(&self, objects: Vec<(String, Stat)>) -> Vec<Object> {
        let object = |(key, stat): (String, Stat)| Object {
            key: Some(self.text(key)),
            e_tag: Some(stat.etag),
            last_modified: Some(stat.modified.into()),
            size: length(stat.size),
            ..Object::default()
        };
        objects.into_iter().map(object).collect()
    }

    fn prefixes(&self, prefixes: Vec<String>) -> Vec<CommonPrefix> {
        let prefix = |prefix| CommonPrefix { prefix: Some(self.text(prefix)) };
        prefixes.into_iter().map(prefix).collect()
    }
}

fn page_size(asked: Option<i32>) -> S3Result<i32> {
    let size = asked.unwrap_or(PAGE);
    if size < 0 {
        return Err(s3_error!(InvalidArgument, "a page has no negative size"));
    }
    Ok(size.min(PAGE))
}

#[async_trait::async_trait]
impl S3 for Operations {
    async fn list_buckets(
        &self,
        _: S3Request<ListBucketsInput>,
    ) -> S3Result<S3Response<ListBucketsOutput>> {
        let buckets = self.run(Files::buckets).await?;
        let bucket = |(name, created): (String, SystemTime)| Bucket {
            name: Some(name),
            creation_date: Some(created.into()),
            ..Bucket::default()
        };
        let buckets = buckets.into_iter().map(bucket).collect();
        Ok(S3Response::new(ListBucketsOutput {
            buckets: Some(buckets),
            ..ListBucketsOutput::default()
        }))
    }

    async fn create_bucket(
        &self,
        req: S3Request<CreateBucketInput>,
    ) -> S3Result<S3Response<CreateBucketOutput>> {
        let location = format!("/{}", req.input.bucket);
        self.run(move |files| files.create_bucket(&req.input.bucket)).await?;
        Ok(S3Response::new(CreateBucketOutput { location: Some(location) }))
    }

    async fn head_bucket(
        &self,
        req: S3Request<HeadBucketInput>,
    ) -> S3Result<S3Response<HeadBucketOutput>> {
        self.run(move |files| files.bucket(&req.input.bucket)).await?;
        Ok(S3Response::new(HeadBucketOutput::default()))
    }

    async fn get_bucket_location(
        &self,
        req: S3Request<GetBucketLocationInput>,
    ) -> S3Result<S3Response<GetBucketLocationOutput>> {
        self.run(move |files| files.bucket(&req.input.bucket)).await?;
        Ok(S3Response::new(GetBucketLocationOutput::default()))
    }

    async fn list_objects(
        &self,
        req: S3Request<ListObjectsInput>,
    ) -> S3Result<S3Response<ListObjectsOutput>> {
        let input = req.input;
        let size = page_size(input.max_keys)?;
        let query = Query {
            prefix: input.prefix.clone().unwrap_or_default(),
            delimiter: input.delimiter.clone().filter(|text| !text.is_empty()),
            after: input.marker.clone().unwrap_or_default(),
            limit: size.unsigned_abs() as usize,
        };
        let page = self.list(input.bucket.clone(), query).await?;
        let encoded = Encoded::asked(input.encoding_type);
        Ok(S3Response::new(ListObjectsOutput {
            name: Some(input.bucket),
            prefix: input.prefix.map(|text| encoded.text(text)),
            marker: Some(encoded.text(input.marker.unwrap_or_default())),
            max_keys: Some(size),
            is_truncated: Some(page.next.is_some()),
            next_marker: page.next.map(|text| encoded.text(text)),
            contents: Some(encoded.objects(page.objects)),
            common_prefixes: Some(encoded.prefixes(page.prefixes)),
            delimiter: input.delimiter.map(|text| encoded.text(text)),
            encoding_type: encoded.0,
            ..ListObjectsOutput::default()
        }))
    }

    async fn list_objects_v2(
        &self,
        req: S3Request<ListObjectsV2Input>,
    ) -> S3Result<S3Response<ListObjectsV2Output>> {
        let input = req.input;
        let size = page_size(input.max_keys)?;
        let after = match &input.continuation_token {
            None => input.start_after.clone().unwrap_or_default(),
            Some(token) => URL_SAFE_NO_PAD
                .decode(token)
                .ok()
                .and_then(|bytes| String::from_utf8(bytes).ok())
                .ok_or_else(|| s3_error!(InvalidArgument, "not a continuation token"))?,
        };
        let query = Query {
            prefix: input.prefix.clone().unwrap_or_default(),
            delimiter: input.delimiter.clone().filter(|text| !text.is_empty()),
            after,
            limit: size.unsigned_abs() as usize,
        };
        let page = self.list(input.bucket.clone(), query).await?;
        let encoded = Encoded::asked(input.encoding_type);
        Ok(S3Response::new(ListObjectsV2Output {
            name: Some(input.bucket),
            prefix: input.prefix.map(|text| encoded.text(text)),
            max_keys: Some(size),
            key_count: i32::try_from(page.count()).ok(),
            continuation_token: input.continuation_token,
            is_truncated: Some(page.next.is_some()),
            next_continuation_token: page.next.map(|last| URL_SAFE_NO_PAD.encode(last)),
            contents: Some(encoded.objects(page.objects)),
            common_prefixes: Some(encoded.prefixes(page.prefixes)),
            delimiter: input.delimiter.map(|text| encoded.text(text)),
            start_after: input.start_after.map(|text| encoded.text(text)),
            encoding_type: encoded.0,
            ..ListObjectsV2Output::default()
        }))
    }

    async fn head_object(
        &self,
        req: S3Request<HeadObjectInput>,
    ) -> S3Result<S3Response<HeadObjectOutput>> {
        let input = req.input;
        let key = Key::parse(&input.key)?;
        let (_, stat) = self.run(move |files| files.read(&input.bucket, &key)).await?;
        Unless {
            match_: input.if_match,
            none_match: input.if_none_match,
            modified_since: input.if_modified_since,
            unmodified_since: input.if_unmodified_since,
        }
        .check(&stat)?;
        Ok(S3Response::new(HeadObjectOutput {
            accept_ranges: Some("bytes".into()),
            content_length: length(stat.size),
            content_type: Some("application/octet-stream".into()),
            e_tag: Some(stat.etag),
            last_modified: Some(stat.modified.into()),
            ..HeadObjectOutput::default()
        }))
    }

    async fn get_object(
        &self,
        req: S3Request<GetObjectInput>,
    ) -> S3Result<S3Response<GetObjectOutput>> {
        let input = req.input;
        let key = Key::parse(&input.key)?;
        let unless = Unless {
            match_: input.if_match,
            none_match: input.if_none_match,
            modified_since: input.if_modified_since,
            unmodified_since: input.if_unmodified_since,
        };
        let asked = input.range;
        let begin = move |files: &Files| {
            let (file, stat) = files.read(&input.bucket, &key)?;
            unless.check(&stat)?;
            let range = match &asked {
                Some(range) => range.check(stat.size)?,
                None => 0..stat.size,
            };
            let (file, first) = Reading::start(file, &range).map_err(failed)?;
            Ok((file, first, stat, range))
        };
        let (file, first, stat, range) = self.run(begin).await?;
        let content_range = asked.and_then(|_| content_range(&range, stat.size));
        let length = length(range.end - range.start);
        let body = if first.len() as u64 == range.end - range.start {
            StreamingBlob::from(Body::from(first))
        } else {
            StreamingBlob::new(Reading::resume(file, first, &range))
        };
        Ok(S3Response::new(GetObjectOutput {
            accept_ranges: Some("bytes".into()),
            body: Some(body),
            content_length: length,
            content_range,
            content_type: Some("application/octet-stream".into()),
            e_tag: Some(stat.etag),
            last_modified: Some(stat.modified.into()),
            ..GetObjectOutput::default()
        }))
    }

    async fn put_object(
        &self,
        req: S3Request<PutObjectInput>,
    ) -> S3Result<S3Response<PutObjectOutput>> {
        let input = req.input;
        let key = Key::parse(&input.key)?;
        let bucket = input.bucket.clone();
        self.run(move |files| files.bucket(&bucket)).await?;
        let condition = Condition { if_match: input.if_match, if_none_match: input.if_none_match };
        let part = self.receive(input.body, input.content_md5).await?;
        let place = move |files: &Files| part.place(files, &input.bucket, &key, &condition);
        let stat = self.run(place).await?;
        Ok(S3Response::new(PutObjectOutput {
            e_tag: Some(stat.etag),
            ..PutObjectOutput::default()
        }))
    }

    async fn delete_object(
        &self,
        req: S3Request<DeleteObjectInput>,
    ) -> S3Result<S3Response<DeleteObjectOutput>> {
        let key = Key::parse(&req.input.key)?;
        self.run(move |files| files.delete(&req.input.bucket, &key)).await?;
        Ok(S3Response::new(DeleteObjectOutput::default()))
    }

    async fn delete_objects(
        &self,
        req: S3Request<DeleteObjectsInput>,
    ) -> S3Result<S3Response<DeleteObjectsOutput>> {
        let input = req.input;
        let quiet = input.delete.quiet.unwrap_or(false);
        let objects = input.delete.objects;
        if objects.len() > 1000 {
            return Err(s3_error!(MalformedXML, "at most 1000 objects at once"));
        }
        let delete = move |files: &Files| {
            files.bucket(&input.bucket)?;
            let (mut deleted, mut errors) = (Vec::new(), Vec::new());
            for object in objects {
                let done =
                    Key::parse(&object.key).and_then(|key| files.delete(&input.bucket, &key));
                match done {
                    Ok(()) => deleted
                        .push(DeletedObject { key: Some(object.key), ..DeletedObject::default() }),
                    Err(error) => errors.push(Error {
                        key: Some(object.key),
                        code: Some(error.code().as_str().to_owned()),
                        message: error.message().map(str::to_owned),
                        ..Error::default()
                    }),
                }
            }
            Ok((deleted, errors))
        };
        let (deleted, errors) = self.run(delete).await?;
        Ok(S3Response::new(DeleteObjectsOutput {
            deleted: (!quiet).then_some(deleted),
            errors: Some(errors),
            ..DeleteObjectsOutput::default()
        }))
    }

    async fn copy_object(
        &self,
        req: S3Request<CopyObjectInput>,
    ) -> S3Result<S3Response<CopyObjectOutput>> {
        let input = req.input;
        let CopySource::Bucket { bucket, key, .. } = input.copy_source else {
            return Err(s3_error!(NotImplemented));
        };
        let (source, key) = (Key::parse(&key)?, Key::parse(&input.key)?);
        let copy = move |files: &Files| files.copy((&bucket, &source), (&input.bucket, &key));
        let stat = self.run(copy).await?;
        let result = CopyObjectResult {
            e_tag: Some(stat.etag),
            last_modified: Some(stat.modified.into()),
            ..CopyObjectResult::default()
        };
        Ok(S3Response::new(CopyObjectOutput {
            copy_object_result: Some(result),
            ..CopyObjectOutput::default()
        }))
    }

    async fn create_multipart_upload(
        &self,
        req: S3Request<CreateMultipartUploadInput>,
    ) -> S3Result<S3Response<CreateMultipartUploadOutput>> {
        let input = req.input;
        let (bucket, key) = (input.bucket.clone(), Key::parse(&input.key)?);
        let id = self.run(move |files| files.begin_upload(&bucket, &key)).await?;
        Ok(S3Response::new(CreateMultipartUploadOutput {
            bucket: Some(input.bucket),
            key: Some(input.key),
            upload_id: Some(id),
            ..CreateMultipartUploadOutput::default()
        }))
    }

    async fn upload_part(
        &self,
        req: S3Request<UploadPartInput>,
    ) -> S3Result<S3Response<UploadPartOutput>> {
        let input = req.input;
        let key = Key::parse(&input.key)?;
        let number = input.part_number;
        if !(1..=10_000).contains(&number) {
            return Err(s3_error!(InvalidArgument, "parts are numbered 1 to 10000"));
        }
        self.0.knows_upload(&input.upload_id, &input.bucket, &key)?;
        let part = self.receive(input.body, input.content_md5).await?;
        let etag = part.stat.etag.clone();
        self.0.add_part(&input.upload_id, &input.bucket, &key, (number, part))?;
        Ok(S3Response::new(UploadPartOutput { e_tag: Some(etag), ..UploadPartOutput::default() }))
    }

    async fn list_parts(
        &self,
        req: S3Request<ListPartsInput>,
    ) -> S3Result<S3Response<ListPartsOutput>> {
        let input = req.input;
        let size = page_size(input.max_parts)?;
        let after = input.part_number_marker.unwrap_or(0);
        let mut parts = self.0.parts(&input.upload_id, &input.bucket, &Key::parse(&input.key)?)?;
        parts.retain(|(number, _)| *number > after);
        let more = parts.len() > size.unsigned_abs() as usize;
        parts.truncate(size.unsigned_abs() as usize);
        let last = parts.last().map(|(number, _)| *number);
        let part = |(number, stat): (i32, Stat)| ListedPart {
            part_number: Some(number),
            e_tag: Some(stat.etag),
            last_modified: Some(stat.modified.into()),
            size: length(stat.size),
            ..ListedPart::default()
        };
        Ok(S3Response::new(ListPartsOutput {
            bucket: Some(input.bucket),
            key: Some(input.key),
            upload_id: Some(input.upload_id),
            max_parts: Some(size),
            part_number_marker: Some(after),
            is_truncated: Some(more),
            next_part_number_marker: last.filter(|_| more),
            parts: Some(parts.into_iter().map(part).collect()),
            ..ListPartsOutput::default()
        }))
    }

    async fn complete_multipart_upload(
        &self,
        req: S3Request<CompleteMultipartUploadInput>,
    ) -> S3Result<S3Response<CompleteMultipartUploadOutput>> {
        let input = req.input;
        let key = Key::parse(&input.key)?;
        let bucket = input.bucket.clone();
        let parts = input.multipart_upload.and_then(|upload| upload.parts).unwrap_or_default();
        let wanted: Vec<_> = parts
            .into_iter()
            .map(|part| (part.part_number.unwrap_or_default(), part.e_tag))
            .collect();
        let condition = Condition { if_match: input.if_match, if_none_match: input.if_none_match };
        let complete = move |files: &Files| {
            files.complete_upload(&input.upload_id, &bucket, &key, &wanted, &condition)
        };
        let stat = self.run(complete).await?;
        Ok(S3Response::new(CompleteMultipartUploadOutput {
            bucket: Some(input.bucket),
            key: Some(input.key),
            e_tag: Some(stat.etag),
            ..CompleteMultipartUploadOutput::default()
        }))
    }

    async fn abort_multipart_upload(
        &self,
        req: S3Request<AbortMultipartUploadInput>,
    ) -> S3Result<S3Response<AbortMultipartUploadOutput>> {
        let input = req.input;
        let key = Key::parse(&input.key)?;
        self.run(move |files| files.abort_upload(&input.upload_id, &input.bucket, &key)).await?;
        Ok(S3Response::new(AbortMultipartUploadOutput::default()))
    }
}

/// Absent for the suffix of an empty object, which is the whole of it.
fn content_range(range: &Range<u64>, size: u64) -> Option<String> {
    (!range.is_empty()).then(|| format!("bytes {}-{}/{size}", range.start, range.end - 1))
}
