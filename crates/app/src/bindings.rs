//! Writes the TypeScript side of the commands and events.

use std::collections::BTreeMap;
use std::fmt::Write as _;

use freshet_model::{AppEvent, WireError};
use ts_rs::{Config, TS, TypeVisitor};

/// Collects the types that commands and events mention, each once.
#[allow(missing_debug_implementations, reason = "its configuration has none")]
pub(crate) struct Bindings {
    config: Config,
    types: BTreeMap<String, String>,
    commands: String,
}

impl Bindings {
    pub(crate) fn command<Args: TS + 'static, Result: TS + 'static>(&mut self, name: &str, docs: &[&str]) {
        self.add::<Args>();
        self.add::<Result>();
        // What is inside of a list or an option is no dependency of it.
        Result::visit_generics(self);
        let doc: Vec<&str> = docs.iter().map(|line| line.trim()).collect();
        let (args, result) = (Args::name(&self.config), Result::name(&self.config));
        let result = if result == "null" { "void" } else { &result };
        let _ = writeln!(
            self.commands,
            "  /** {} */\n  {name}: {{ args: {args}; result: {result} }};",
            doc.join(" ")
        );
    }

    fn add<T: TS + 'static + ?Sized>(&mut self) {
        // Only types of our own have a file of their own; numbers, lists and the like are written in place.
        if T::output_path().is_some() {
            let name = T::ident(&self.config);
            if self.types.contains_key(&name) {
                return;
            }
            self.types.insert(name, T::decl(&self.config));
        }
        T::visit_dependencies(self);
    }
}

impl TypeVisitor for Bindings {
    fn visit<T: TS + 'static + ?Sized>(&mut self) {
        self.add::<T>();
        T::visit_generics(self);
    }
}

/// The whole file.
pub fn typescript() -> String {
    let mut bindings = Bindings {
        config: Config::new().with_large_int("number"),
        types: BTreeMap::new(),
        commands: String::new(),
    };
    bindings.add::<AppEvent>();
    bindings.add::<WireError>();
    crate::commands::typescript(&mut bindings);

    let mut out = String::from("// Written by `cargo xtask codegen` from the Rust side. Do not edit.\n\n");
    for declaration in bindings.types.values() {
        let _ = writeln!(out, "export {declaration}\n");
    }
    let _ = write!(
        out,
        "/** Every command with its arguments and its result. */\nexport interface Commands {{\n{}}}\n",
        bindings.commands
    );
    out
}
