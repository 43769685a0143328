//! What stands in a workspace, as a pure list: the same seed gives the same
//! list, and the list gives the same bytes.

use std::ffi::OsString;
use std::path::PathBuf;

use super::Size;
use super::dice::Dice;
use super::text;

/// One entry, its path relative to the workspace's folder.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Item {
    pub path: PathBuf,
    pub what: What,
    /// Unix permissions with set-id and sticky bits.
    pub mode: u32,
    /// Seconds and nanoseconds since 1970.
    pub modified: (u64, u32),
}

/// What an entry is.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum What {
    Folder,
    File(Content),
    /// Whatever stands at the target, if anything does.
    Link(OsString),
    /// A second name of an earlier file.
    Same(PathBuf),
}

/// How a file's bytes are made.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum Content {
    Text(String),
    /// Incompressible.
    Noise {
        seed: u64,
        bytes: u64,
    },
    /// A hole in a checkpoint.
    Zeros(u64),
}

/// How much of everything.
struct Plan {
    packages: u64,
    modules: u64,
    app: u64,
    configs: u64,
    outputs: u64,
    output_bytes: u64,
    models: u64,
    model_bytes: (u64, u64),
    zeros: u64,
}

impl Plan {
    const fn of(size: Size) -> Self {
        match size {
            Size::Small => Self {
                packages: 4,
                modules: 6,
                app: 12,
                configs: 4,
                outputs: 4,
                output_bytes: 60_000,
                models: 2,
                model_bytes: (600_000, 700_000),
                zeros: 150_000,
            },
            Size::Full => Self {
                packages: 64,
                modules: 33,
                app: 170,
                configs: 40,
                outputs: 60,
                output_bytes: 150_000,
                models: 8,
                model_bytes: (4_500_000, 8_000_000),
                zeros: 1 << 20,
            },
        }
    }
}

const PACKAGES: [&str; 16] = [
    "torchlike",
    "imaging",
    "yamlkit",
    "audiolib",
    "einops2",
    "samplers",
    "safeload",
    "hubclient",
    "webframe",
    "facealign",
    "mediapipeline",
    "tqdmish",
    "attention",
    "schedulers",
    "codecs",
    "geometry",
];
const SUBPACKAGES: [&str; 6] = ["core", "utils", "models", "io", "_internal", "testing"];
/// 2026-01-01 00:00:00 UTC.
const NEW_YEAR: u64 = 1_767_225_600;

/// A list under construction.
struct Draft {
    items: Vec<Item>,
    dice: Dice,
}

/// Everything, parents before children.
pub(super) fn layout(seed: u64, size: Size) -> Vec<Item> {
    let plan = Plan::of(size);
    let mut draft = Draft { items: Vec::new(), dice: Dice::new(seed) };
    draft.folder("", 0o755);
    draft.head();
    draft.app(&plan);
    draft.configs(&plan);
    draft.environment(&plan);
    draft.models(&plan);
    draft.outputs(&plan);
    draft.odd();
    draft.items
}

/// What changes between two snapshots; entries replace those of the same path.
pub(super) fn changes(seed: u64, step: u32) -> Vec<Item> {
    let mut draft =
        Draft { items: Vec::new(), dice: Dice::new(seed ^ (u64::from(step) << 32) ^ 0xC4A2_6E00) };
    let text = text::python(&mut draft.dice, 3000);
    draft.file("app/nodes/node_00.py", 0o644, Content::Text(text));
    let text = text::yaml(&mut draft.dice, 900);
    draft.file("configs/changed.yaml", 0o644, Content::Text(text));
    for picture in 0..2 {
        let noise = draft.noise(40_000);
        draft.file(&format!("outputs/later/run_{step}_{picture}.png"), 0o644, noise);
    }
    draft.link("outputs/newest.png", &format!("later/run_{step}_1.png"));
    draft.items
}

impl Draft {
    fn time(&mut self) -> (u64, u32) {
        (NEW_YEAR - self.dice.between(0, 90 * 86_400), (self.dice.roll() % 1_000_000_000) as u32)
    }

    fn add(&mut self, path: impl Into<PathBuf>, mode: u32, what: What) {
        let modified = self.time();
        self.items.push(Item { path: path.into(), what, mode, modified });
    }

    fn folder(&mut self, path: &str, mode: u32) {
        self.add(path, mode, What::Folder);
    }

    fn file(&mut self, path: &str, mode: u32, content: Content) {
        self.add(path, mode, What::File(content));
    }

    fn text(&mut self, path: &str, text: &str) {
        self.file(path, 0o644, Content::Text(text.to_owned()));
    }

    fn link(&mut self, path: &str, target: &str) {
        if cfg!(unix) {
            self.add(path, 0o777, What::Link(target.into()));
        }
    }

    fn same(&mut self, path: &str, as_: &str) {
        self.add(path, 0, What::Same(as_.into()));
    }

    fn noise(&mut self, bytes: u64) -> Content {
        Content::Noise { seed: self.dice.roll(), bytes }
    }

    fn python(&mut self, path: &str, low: u64, high: u64) {
        let bytes = self.dice.between(low, high);
        let text = text::python(&mut self.dice, bytes);
        self.file(path, 0o644, Content::Text(text));
    }

    fn head(&mut self) {
        let text = text::prose(&mut self.dice, 2500);
        self.file("README.md", 0o644, Content::Text(text));
        self.text(".gitignore", "__pycache__/\nvenv/\nmodels/\noutputs/\n");
        self.text("requirements.txt", "torchlike==2.8.0\nimaging>=11\naudiolib\n");
        let start = "#!/bin/sh\nexec venv/bin/python app/main.py \"$@\"\n";
        self.file("start.sh", 0o755, Content::Text(start.into()));
        self.file(".env.example", 0o600, Content::Text("PORT=8188\nLOG=info\n".into()));
        self.folder("logs", 0o755);
        self.file("logs/empty.log", 0o644, Content::Text(String::new()));
        self.folder("tmp", 0o1777);
    }

    fn app(&mut self, plan: &Plan) {
        for folder in ["app", "app/nodes", "app/lipsync", "app/web"] {
            self.folder(folder, 0o755);
        }
        self.python("app/main.py", 4000, 6000);
        self.python("app/server.py", 6000, 9000);
        self.file("app/__init__.py", 0o644, Content::Text(String::new()));
        for at in 0..plan.app {
            let path = match at % 3 {
                0 => format!("app/nodes/node_{:02}.py", at / 3),
                1 => format!("app/lipsync/stage_{:02}.py", at / 3),
                _ => format!("app/web/panel_{:02}.js", at / 3),
            };
            self.python(&path, 1500, 8000);
        }
        self.link("current", "app");
    }

    fn configs(&mut self, plan: &Plan) {
        self.folder("configs", 0o755);
        self.folder("configs/workflows", 0o750);
        for at in 0..plan.configs {
            let bytes = self.dice.between(400, 4000);
            let (path, text) = if at % 2 == 0 {
                (format!("configs/set_{at:02}.yaml"), text::yaml(&mut self.dice, bytes))
            } else {
                (format!("configs/workflows/flow_{at:02}.json"), text::json(&mut self.dice, bytes))
            };
            self.file(&path, 0o644, Content::Text(text));
        }
        self.file("configs/locked.json", 0o444, Content::Text("{\"locked\": true}\n".into()));
    }

    /// A virtual environment: very many very small files.
    fn environment(&mut self, plan: &Plan) {
        let site = "venv/lib/python3.11/site-packages";
        for folder in ["venv", "venv/bin", "venv/lib", "venv/lib/python3.11", site] {
            self.folder(folder, 0o755);
        }
        self.text("venv/pyvenv.cfg", "home = /usr/bin\nversion = 3.11.9\n");
        let activate = text::prose(&mut self.dice, 1800);
        self.file("venv/bin/activate", 0o644, Content::Text(activate));
        self.file("venv/bin/pip", 0o755, Content::Text("#!venv/bin/python\n".into()));
        self.link("venv/bin/python", "python3");
        self.link("venv/bin/python3", "/usr/bin/python3.11");
        self.link("venv/lib64", "lib");
        for package in 0..plan.packages {
            let stem = PACKAGES[(package % PACKAGES.len() as u64) as usize];
            self.package(&format!("{site}/{stem}_{package:02}"), plan.modules);
        }
    }

    fn package(&mut self, folder: &str, modules: u64) {
        self.folder(folder, 0o755);
        self.file(&format!("{folder}/__init__.py"), 0o644, Content::Text(String::new()));
        // The same licence everywhere: equal files are stored once.
        self.text(&format!("{folder}/LICENSE"), "Use it as you like, without warranty.\n");
        let mut made: Vec<&str> = Vec::new();
        for at in 0..modules {
            let sub = SUBPACKAGES[(at % SUBPACKAGES.len() as u64) as usize];
            if !made.contains(&sub) {
                made.push(sub);
                self.folder(&format!("{folder}/{sub}"), 0o755);
                self.folder(&format!("{folder}/{sub}/__pycache__"), 0o755);
            }
            let stem = format!("mod_{at:02}");
            self.python(&format!("{folder}/{sub}/{stem}.py"), 200, 4500);
            if at % 4 == 0 {
                let compiled = self.noise(900);
                let path = format!("{folder}/{sub}/__pycache__/{stem}.cpython-311.pyc");
                self.file(&path, 0o644, compiled);
            }
        }
    }

    fn models(&mut self, plan: &Plan) {
        for folder in ["models", "models/checkpoints", "models/vae"] {
            self.folder(folder, 0o755);
        }
        for at in 0..plan.models {
            let bytes = self.dice.between(plan.model_bytes.0, plan.model_bytes.1);
            let noise = self.noise(bytes);
            self.file(&format!("models/checkpoints/model_{at}.safetensors"), 0o644, noise);
        }
        self.file("models/checkpoints/padding.bin", 0o644, Content::Zeros(plan.zeros));
        self.same("models/vae/model_0.safetensors", "models/checkpoints/model_0.safetensors");
        self.same("models/default.safetensors", "models/checkpoints/model_0.safetensors");
        self.link("models/newest.safetensors", "checkpoints/not-there.safetensors");
    }

    fn outputs(&mut self, plan: &Plan) {
        for folder in ["outputs", "outputs/2026-01-01", "outputs/later"] {
            self.folder(folder, 0o755);
        }
        for at in 0..plan.outputs {
            let noise = self.noise(plan.output_bytes);
            self.file(&format!("outputs/2026-01-01/{at:05}_.png"), 0o644, noise);
        }
    }

    /// Everything that breaks careless tools.
    fn odd(&mut self) {
        self.folder("odd", 0o755);
        self.folder("odd/empty folder", 0o700);
        self.folder("odd/empty folder/inside", 0o755);
        for name in NAMES.iter().filter(|name| !cfg!(windows) || is_portable(name)) {
            self.text(&format!("odd/{name}"), name);
        }
        self.text(&format!("odd/long-{}", "n".repeat(240)), "a long name\n");
        self.raw_names();
        self.file("odd/set-id", 0o6755, Content::Text("#!/bin/sh\n".into()));
        self.file("odd/nobody-writes", 0o444, Content::Text("read\n".into()));
        self.file("odd/all-bits", 0o777, Content::Text("all\n".into()));
        self.file("odd/one-byte", 0o640, Content::Text("1".into()));
        self.same("odd/one-byte-again", "odd/one-byte");
        self.link("odd/to-itself", "to-itself");
        self.link("odd/up and out", "../../../..");
        self.link("odd/to-a-folder", "empty folder/");
        self.link("odd/absolute", "/nonexistent/place");
        self.link("odd/link\nwith a newline", "new\nline.txt");
        let mut deep = String::from("odd/deep");
        self.folder(&deep, 0o755);
        for level in 0..30 {
            deep = format!("{deep}/level-{level:02}");
            self.folder(&deep, 0o755);
        }
        self.text(&format!("{deep}/leaf.txt"), "the bottom\n");
        self.folder("odd/read-only", 0o555);
        self.file("odd/read-only/inside.txt", 0o444, Content::Text("no entry\n".into()));
        self.folder("odd/read-only/folder", 0o555);
    }

    /// Names that are bytes and no text.
    #[cfg(all(unix, not(target_vendor = "apple")))]
    fn raw_names(&mut self) {
        use std::os::unix::ffi::OsStringExt;
        let path = |name: &[u8]| PathBuf::from(OsString::from_vec([b"odd/", name].concat()));
        let text = |text: &str| What::File(Content::Text(text.to_owned()));
        self.add(path(b"latin-\xe9.txt"), 0o644, text("one byte too many\n"));
        self.add(path(b"\xff\xfe\x80"), 0o644, text("no text at all\n"));
        // Its target is text: restic 0.14 keeps no other.
        self.add(path(b"link-\xe9"), 0o777, What::Link("one-byte".into()));
    }

    #[cfg(not(all(unix, not(target_vendor = "apple"))))]
    fn raw_names(&mut self) {}
}

const NAMES: [&str; 30] = [
    "with space.txt",
    " leading space",
    "trailing space ",
    "trailing dot.",
    "single'quote",
    "double\"quote",
    "back\\slash",
    "new\nline.txt",
    "tab\tstop",
    "-leading-dash",
    "--help",
    "star*.txt",
    "question?.txt",
    "[brackets].txt",
    "{a,b}.txt",
    "$HOME",
    "`backticks`",
    "semi;colon & amp",
    "pipe|name",
    "<angles>",
    "a:b",
    "100%25 sure",
    "#hash",
    "~tilde",
    ".hidden",
    "ünïcödé.txt",
    "日本語.txt",
    "emoji 🚀🎛️.txt",
    "combining e\u{301}",
    "...",
];

fn is_portable(name: &str) -> bool {
    !name.contains(|c: char| c.is_control() || r#"\/:*?"<>|"#.contains(c))
        && !name.ends_with(['.', ' '])
}
