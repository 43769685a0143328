//! Trees: one folder each, as restic stores it. A tree that restic wrote is
//! written back byte for byte, so that it keeps its id.

mod name;
mod node;
mod read;
mod write;

pub use name::Name;
pub use node::{ExtendedAttribute, LinkTarget, Mode, Node, NodeKind};

use crate::{Error, Id};

/// The contents of one folder, in the order of their names' bytes.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Tree {
    /// What lies in it.
    pub nodes: Vec<Node>,
}

impl Tree {
    /// Reads the contents of a tree blob.
    ///
    /// # Errors
    /// [`Error::Json`], or [`Error::Malformed`], also for a name that would
    /// lead out of the folder.
    pub fn parse(json: &[u8]) -> Result<Self, Error> {
        read::parse(json)
    }

    /// Writes the contents of a tree blob.
    #[must_use]
    pub fn to_json(&self) -> Vec<u8> {
        write::to_json(self)
    }

    /// The id of its blob.
    #[must_use]
    pub fn id(&self) -> Id {
        Id::of(&self.to_json())
    }

    /// The node of that name.
    #[must_use]
    pub fn find(&self, name: &[u8]) -> Option<&Node> {
        self.nodes.iter().find(|node| node.name.as_bytes() == name)
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;
    use crate::Time;

    /// As restic 0.19 wrote it, with every field that a node can have.
    const EVERY_FIELD: &str = concat!(
        r#"{"nodes":[{"name":"caf\u0026\"#,
        r#"\xff","type":"symlink","mode":134218239,"mtime":"2024-02-29T23:59:59.5+05:30","#,
        r#""atime":"2024-02-29T23:59:59Z","ctime":"0001-01-01T00:00:00Z","uid":0,"gid":7,"#,
        r#""user":"root","group":"a\u003cb","inode":5,"device_id":6,"size":7,"links":2,"#,
        r#""linktarget":"x\ufffd","linktarget_raw":"eP8=","extended_attributes":"#,
        r#"[{"name":"user.a","value":"AAE="},{"name":"user.b","value":""},"#,
        r#"{"name":"user.c","value":null}],"generic_attributes":{"windows.x":{"a":1}},"#,
        r#""device":9,"content":["#,
        r#""e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855"],"subtree":"#,
        r#""e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855","#,
        r#""error":"none"}]}"#,
        "\n"
    );

    #[test]
    fn every_field_is_written_as_it_was_read() {
        let tree = Tree::parse(EVERY_FIELD.as_bytes()).unwrap();
        assert_eq!(String::from_utf8(tree.to_json()).unwrap(), EVERY_FIELD);
        let node = tree.find(b"caf&\xff").unwrap();
        assert_eq!(node.kind, NodeKind::Symlink);
        assert_eq!(node.mode.permissions(), 0o777);
        assert_eq!(node.link_target, LinkTarget::Exact(b"x\xff".to_vec()));
        assert_eq!(node.xattrs[1].value.as_deref(), Some(&b""[..]));
        assert_eq!(node.xattrs[2].value, None);
        assert_eq!(node.accessed.unix_seconds(), 1_709_251_199);
        assert_eq!(node.changed, Time::ZERO);
        assert_eq!(node.content.as_deref(), Some(&[Id::of(b"")][..]));
        assert_eq!(node.subtree, Some(Id::of(b"")));
    }

    #[test]
    fn a_target_that_older_restic_mangled_keeps_its_spelling() {
        let with = |target: &str| {
            format!(
                concat!(
                    r#"{{"nodes":[{{"name":"l","type":"symlink","mtime":"0001-01-01T00:00:00Z","#,
                    r#""atime":"0001-01-01T00:00:00Z","ctime":"0001-01-01T00:00:00Z","uid":0,"#,
                    r#""gid":0,"linktarget":"{}","content":null}}]}}"#,
                    "\n"
                ),
                target
            )
        };
        for (spelled, target) in [
            (r"a\ufffdb", LinkTarget::Mangled("a\u{fffd}b".into())),
            ("a\u{fffd}b", LinkTarget::Exact("a\u{fffd}b".into())),
            (r"a\\ufffdb", LinkTarget::Exact(br"a\ufffdb".to_vec())),
            ("", LinkTarget::default()),
        ] {
            let json = with(spelled);
            let tree = Tree::parse(json.as_bytes()).unwrap();
            assert_eq!(tree.nodes[0].link_target, target);
            if !spelled.is_empty() {
                assert_eq!(String::from_utf8(tree.to_json()).unwrap(), json);
            }
        }
    }

    #[test]
    fn an_empty_folder_is_written_as_restic_does() {
        assert_eq!(Tree::default().to_json(), b"{\"nodes\":[]}\n");
        assert_eq!(Tree::parse(b"{\"nodes\":null}"), Ok(Tree::default()));
    }

    #[test]
    fn an_empty_file_differs_from_no_content() {
        let tree = |content: &str| {
            let json = format!(r#"{{"nodes":[{{"name":"f","type":"file","content":{content}}}]}}"#);
            Tree::parse(json.as_bytes()).unwrap()
        };
        assert_eq!(tree("[]").nodes[0].content, Some(Vec::new()));
        assert_eq!(tree("null").nodes[0].content, None);
        assert!(String::from_utf8(tree("[]").to_json()).unwrap().contains(r#""content":[]"#));
        assert!(String::from_utf8(tree("null").to_json()).unwrap().contains(r#""content":null"#));
    }

    #[test]
    fn a_name_that_leads_out_of_the_folder_is_refused() {
        for name in ["", ".", "..", "a/b", "/", r"..\\x2f", r"a\\x00"] {
            let json = format!(r#"{{"nodes":[{{"name":"{name}","type":"dir"}}]}}"#);
            assert!(matches!(Tree::parse(json.as_bytes()), Err(Error::Malformed { .. })), "{name}");
        }
    }

    #[test]
    fn an_unknown_type_is_kept() {
        let json = br#"{"nodes":[{"name":"d","type":"door"}]}"#;
        let tree = Tree::parse(json).unwrap();
        assert_eq!(tree.nodes[0].kind, NodeKind::Other("door".into()));
        assert_eq!(Tree::parse(&tree.to_json()).unwrap().nodes[0].kind, tree.nodes[0].kind);
    }

    fn name() -> impl Strategy<Value = Name> {
        prop::collection::vec(any::<u8>(), 1..20)
            .prop_filter_map("no name", |bytes| Name::new(bytes).ok())
    }

    fn time() -> impl Strategy<Value = Time> {
        let time = (0i64..1 << 40, 0u32..1_000_000_000)
            .prop_filter_map("no time", |(s, ns)| Time::from_unix(s % (1 << 37), ns).ok());
        prop::option::of(time).prop_map(Option::unwrap_or_default)
    }

    fn kind() -> impl Strategy<Value = NodeKind> {
        prop::sample::select(vec![
            NodeKind::File,
            NodeKind::Dir,
            NodeKind::Symlink,
            NodeKind::Device,
            NodeKind::CharDevice,
            NodeKind::Fifo,
            NodeKind::Socket,
            NodeKind::Irregular,
        ])
    }

    prop_compose! {
        fn xattr()(name: String, value in any::<Option<Vec<u8>>>()) -> ExtendedAttribute {
            ExtendedAttribute { name, value }
        }
    }

    prop_compose! {
        fn node()(
            (name, kind, mode, modified, accessed, changed) in
                (name(), kind(), any::<u32>(), time(), time(), time()),
            (uid, gid, user, group) in any::<(u32, u32, String, String)>(),
            (inode, device_id, size, links, device) in any::<(u64, u64, u64, u64, u64)>(),
            target: Vec<u8>,
            xattrs in prop::collection::vec(xattr(), 0..3),
            content in any::<Option<Vec<[u8; 32]>>>(),
            subtree in any::<Option<[u8; 32]>>(),
            error: String,
        ) -> Node {
            Node {
                kind,
                mode: Mode::from_bits(mode),
                modified,
                accessed,
                changed,
                uid,
                gid,
                user,
                group,
                inode,
                device_id,
                size,
                links,
                link_target: LinkTarget::Exact(target),
                xattrs,
                device,
                content: content.map(|ids| ids.into_iter().map(Id::from_bytes).collect()),
                subtree: subtree.map(Id::from_bytes),
                error,
                ..Node::new(name, NodeKind::File)
            }
        }
    }

    proptest! {
        #[test]
        fn a_tree_is_read_back(nodes in prop::collection::vec(node(), 0..4)) {
            let tree = Tree { nodes };
            prop_assert_eq!(Tree::parse(&tree.to_json()), Ok(tree));
        }

        #[test]
        fn reading_a_tree_never_panics(bytes in any::<Vec<u8>>()) {
            let _ = Tree::parse(&bytes);
        }

        #[test]
        fn reading_a_damaged_tree_never_panics(
            at in any::<prop::sample::Index>(),
            byte: u8,
        ) {
            let mut json = EVERY_FIELD.as_bytes().to_vec();
            let at = at.index(json.len());
            json[at] = byte;
            if let Ok(tree) = Tree::parse(&json) {
                prop_assert_eq!(Tree::parse(&tree.to_json()), Ok(tree));
            }
        }
    }
}
