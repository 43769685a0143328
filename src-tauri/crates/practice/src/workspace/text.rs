//! Text that looks like a project's: it compresses like source code, and no
//! two files are equal unless they are meant to be.

use std::fmt::Write;

use super::dice::Dice;

const NOUNS: [&str; 32] = [
    "frame", "latent", "mask", "audio", "face", "model", "tensor", "batch", "node", "graph",
    "sampler", "prompt", "token", "image", "video", "cache", "device", "config", "weight", "layer",
    "output", "queue", "worker", "scale", "pixel", "encoder", "decoder", "landmark", "segment",
    "stream", "buffer", "offset",
];
const VERBS: [&str; 16] = [
    "load", "encode", "decode", "blend", "resize", "merge", "sample", "apply", "split", "read",
    "write", "align", "crop", "warp", "collect", "flush",
];
const MODULES: [&str; 12] = [
    "math",
    "json",
    "logging",
    "pathlib",
    "typing",
    "functools",
    "itertools",
    "numpy",
    "torch",
    "asyncio",
    "time",
    "dataclasses",
];

fn name(dice: &mut Dice) -> String {
    format!("{}_{}", dice.pick(&VERBS), dice.pick(&NOUNS))
}

/// A module of about so many bytes.
pub(super) fn python(dice: &mut Dice, bytes: u64) -> String {
    let mut text = format!("\"\"\"{} of each {}.\"\"\"\n\n", name(dice), dice.pick(&NOUNS));
    for _ in 0..dice.between(2, 5) {
        let _ = writeln!(text, "import {}", dice.pick(&MODULES));
    }
    while (text.len() as u64) < bytes {
        function(dice, &mut text);
    }
    text
}

fn function(dice: &mut Dice, text: &mut String) {
    let (a, b) = (*dice.pick(&NOUNS), *dice.pick(&NOUNS));
    let _ = writeln!(
        text,
        "\n\ndef {}_{}({a}, {b}_size={}):",
        name(dice),
        dice.roll() % 97,
        dice.roll() % 1024
    );
    let _ = writeln!(text, "    if {a} is None or {b}_size < {}:", dice.roll() % 64);
    let _ = writeln!(text, "        raise ValueError(\"no {a} for {}\")", dice.pick(&NOUNS));
    for _ in 0..dice.between(1, 6) {
        let (left, right) = (*dice.pick(&NOUNS), *dice.pick(&NOUNS));
        let _ = match dice.between(0, 2) {
            0 => writeln!(
                text,
                "    {left} = {}({a}[{}:], {right}={}.{:03})",
                name(dice),
                dice.roll() % 16,
                dice.roll() % 10,
                dice.roll() % 1000
            ),
            1 => writeln!(
                text,
                "    for {left} in range({b}_size):\n        {a} += {}({left} * {})",
                name(dice),
                dice.roll() % 255
            ),
            _ => writeln!(text, "    logging.debug(\"{left} %s of {right}\", {a})"),
        };
    }
    let _ = writeln!(text, "    return {a}");
}

/// Settings of about so many bytes.
pub(super) fn yaml(dice: &mut Dice, bytes: u64) -> String {
    let mut text = String::from("# Settings\n");
    while (text.len() as u64) < bytes {
        let _ = writeln!(text, "{}:", name(dice));
        for _ in 0..dice.between(2, 6) {
            let _ = writeln!(
                text,
                "  {}_{}: {}",
                dice.pick(&NOUNS),
                dice.roll() % 10,
                dice.roll() % 4096
            );
        }
    }
    text
}

/// A workflow of about so many bytes.
pub(super) fn json(dice: &mut Dice, bytes: u64) -> String {
    let mut text = String::from("{\n  \"version\": 1,\n  \"nodes\": [");
    let mut id = 1;
    while id == 1 || (text.len() as u64) < bytes {
        let comma = if id == 1 { "" } else { "," };
        let _ = write!(
            text,
            "{comma}\n    {{\"id\": {id}, \"type\": \"{}\", \"pos\": [{}, {}], \"seed\": {}}}",
            name(dice),
            dice.roll() % 2000,
            dice.roll() % 2000,
            dice.roll()
        );
        id += 1;
    }
    text + "\n  ]\n}\n"
}

/// Prose of about so many bytes.
pub(super) fn prose(dice: &mut Dice, bytes: u64) -> String {
    let mut text = String::from("# Notes\n");
    while (text.len() as u64) < bytes {
        let _ = writeln!(
            text,
            "\nTo {} the {}, {} every {} before the {} is full; {} takes {} ms.",
            dice.pick(&VERBS),
            dice.pick(&NOUNS),
            dice.pick(&VERBS),
            dice.pick(&NOUNS),
            dice.pick(&NOUNS),
            dice.pick(&NOUNS),
            dice.between(1, 900),
        );
    }
    text
}
