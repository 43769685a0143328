//! Writing trees exactly as restic does: the order of fields, what is left
//! out, how strings are escaped. (Go before 1.22 spelled backspace and form
//! feed in a user's name or a link's target as `\u0008` and `\u000c`; this
//! writes them as newer Go does.)

use std::fmt::{self, Write as _};

use base64::Engine;
use base64::engine::general_purpose::STANDARD as BASE64;

use super::{ExtendedAttribute, LinkTarget, Node, Tree};
use crate::json::push_string;
use crate::{Id, Time};

/// About what a node of one blob takes.
const NODE_LEN: usize = 400;

pub(super) fn to_json(tree: &Tree) -> Vec<u8> {
    let mut out = Out(Vec::with_capacity(16 + tree.nodes.len() * NODE_LEN));
    out.raw("{\"nodes\":[");
    for (i, node) in tree.nodes.iter().enumerate() {
        out.raw(if i == 0 { "{" } else { ",{" });
        out.node(node);
        out.raw("}");
    }
    out.raw("]}\n");
    out.0
}

struct Out(Vec<u8>);

impl fmt::Write for Out {
    fn write_str(&mut self, text: &str) -> fmt::Result {
        self.raw(text);
        Ok(())
    }
}

impl Out {
    fn raw(&mut self, text: &str) {
        self.0.extend_from_slice(text.as_bytes());
    }

    /// Text that needs no escape: numbers, times, ids.
    fn shown(&mut self, value: impl fmt::Display) {
        // Writing into memory cannot fail.
        let _ = write!(self, "{value}");
    }

    fn node(&mut self, node: &Node) {
        self.raw("\"name\":");
        push_string(&mut self.0, node.name.quoted().as_bytes());
        self.raw(",\"type\":");
        push_string(&mut self.0, node.kind.as_str().as_bytes());
        self.number("mode", node.mode.bits().into());
        self.time("mtime", node.modified);
        self.time("atime", node.accessed);
        self.time("ctime", node.changed);
        self.raw(",\"uid\":");
        self.shown(node.uid);
        self.raw(",\"gid\":");
        self.shown(node.gid);
        self.text("user", &node.user);
        self.text("group", &node.group);
        self.number("inode", node.inode);
        self.number("device_id", node.device_id);
        self.number("size", node.size);
        self.number("links", node.links);
        self.link_target(&node.link_target);
        self.xattrs(&node.xattrs);
        if let Some(attributes) = &node.generic_attributes {
            self.raw(",\"generic_attributes\":");
            self.raw(attributes.get());
        }
        self.number("device", node.device);
        self.content(node.content.as_deref());
        if let Some(subtree) = node.subtree {
            self.raw(",\"subtree\":\"");
            self.shown(subtree);
            self.raw("\"");
        }
        self.text("error", &node.error);
    }

    fn key(&mut self, key: &str) {
        self.raw(",\"");
        self.raw(key);
        self.raw("\":");
    }

    fn number(&mut self, key: &str, value: u64) {
        if value != 0 {
            self.key(key);
            self.shown(value);
        }
    }

    fn text(&mut self, key: &str, value: &str) {
        if !value.is_empty() {
            self.key(key);
            push_string(&mut self.0, value.as_bytes());
        }
    }

    fn time(&mut self, key: &str, time: Time) {
        self.key(key);
        self.raw("\"");
        self.shown(time);
        self.raw("\"");
    }

    fn base64(&mut self, bytes: &[u8]) {
        self.raw("\"");
        self.raw(&BASE64.encode(bytes));
        self.raw("\"");
    }

    fn link_target(&mut self, target: &LinkTarget) {
        if target.as_bytes().is_empty() {
            return;
        }
        self.key("linktarget");
        match target {
            LinkTarget::Exact(bytes) => {
                push_string(&mut self.0, bytes);
                if std::str::from_utf8(bytes).is_err() {
                    self.key("linktarget_raw");
                    self.base64(bytes);
                }
            }
            LinkTarget::Mangled(text) => {
                // A byte that is no UTF-8 is spelled as the escape that stands here.
                let bytes: Vec<u8> =
                    text.split('\u{fffd}').map(str::as_bytes).collect::<Vec<_>>().join(&0xff);
                push_string(&mut self.0, &bytes);
            }
        }
    }

    fn xattrs(&mut self, xattrs: &[ExtendedAttribute]) {
        if xattrs.is_empty() {
            return;
        }
        self.key("extended_attributes");
        self.raw("[");
        for (i, attribute) in xattrs.iter().enumerate() {
            self.raw(if i == 0 { "{\"name\":" } else { ",{\"name\":" });
            push_string(&mut self.0, attribute.name.as_bytes());
            self.raw(",\"value\":");
            match &attribute.value {
                Some(value) => self.base64(value),
                None => self.raw("null"),
            }
            self.raw("}");
        }
        self.raw("]");
    }

    fn content(&mut self, content: Option<&[Id]>) {
        self.key("content");
        let Some(ids) = content else { return self.raw("null") };
        self.raw("[");
        for (i, id) in ids.iter().enumerate() {
            self.raw(if i == 0 { "\"" } else { ",\"" });
            self.shown(id);
            self.raw("\"");
        }
        self.raw("]");
    }
}
