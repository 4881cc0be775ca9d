//! Reads the project's sources: what each variant stands for, which code a function gives it, and what its
//! hint says. Nothing is written twice, so that the documents cannot say otherwise than the programs.

use std::collections::{BTreeMap, HashMap};

use syn::visit::{self, Visit};
use syn::{
    Arm, Attribute, Expr, ExprCall, ExprMatch, ImplItem, Item, Lit, LitStr, Macro, Meta, Pat, Type,
};

use super::is_code;
use crate::golden::{source, sources};

/// The folders whose variants and hints are known.
const FOLDERS: [&str; 4] = [
    "policies/src",
    "watchtower/src",
    "coordinator/src",
    "signer/src",
];

/// A variant: its enum and its name.
type Variant = (String, String);

/// What all sources say.
#[derive(Default)]
pub(super) struct Sources {
    /// The first paragraph of each variant's documentation.
    docs: HashMap<Variant, Vec<String>>,
    hints: HashMap<Variant, String>,
    constants: HashMap<String, String>,
}

/// What a code stands for.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub(super) struct Explained {
    pub(super) meanings: Vec<String>,
    pub(super) hints: Vec<String>,
}

/// One arm of a match: what it matches, what it says, and whom it asks for the code.
struct Said {
    variants: Vec<Variant>,
    /// What those stand in.
    around: Vec<Variant>,
    texts: Vec<String>,
    asks: Vec<String>,
}

impl Sources {
    pub(super) fn read() -> Self {
        let mut read = Self::default();
        let texts: Vec<String> = FOLDERS.iter().flat_map(|folder| sources(folder)).collect();
        let files: Vec<syn::File> = texts.iter().map(|text| parse(text)).collect();
        for item in files.iter().flat_map(|file| &file.items) {
            read.learn(item);
        }
        for file in &files {
            for said in read.arms_of(file, "hint") {
                let Some(hint) = said.texts.first() else {
                    continue;
                };
                for variant in said.variants {
                    read.hints.entry(variant).or_insert_with(|| hint.clone());
                }
            }
        }
        read
    }

    fn learn(&mut self, item: &Item) {
        if let Item::Enum(item) = item {
            for variant in &item.variants {
                let key = (item.ident.to_string(), variant.ident.to_string());
                self.docs
                    .entry(key)
                    .or_default()
                    .push(first_paragraph(&variant.attrs));
            }
        }
        if let Item::Const(item) = item
            && let Expr::Lit(literal) = &*item.expr
            && let Lit::Str(text) = &literal.lit
        {
            self.constants.insert(item.ident.to_string(), text.value());
        }
    }

    /// What the codes that these functions of a file give stand for.
    pub(super) fn explain(&self, path: &str, functions: &[String]) -> BTreeMap<String, Explained> {
        let file = parse(&source(path));
        let mut explained: BTreeMap<String, Explained> = BTreeMap::new();
        let arms: Vec<(&String, Said)> = functions
            .iter()
            .flat_map(|name| {
                self.arms_of(&file, name)
                    .into_iter()
                    .map(move |said| (name, said))
            })
            .collect();
        for (function, said) in &arms {
            let Some(code) = said.texts.iter().find(|text| is_code(text)) else {
                continue;
            };
            let found = explained.entry(code.clone()).or_default();
            for doc in said.variants.iter().filter_map(|variant| self.doc(variant)) {
                note(&mut found.meanings, doc);
            }
            for hint in self.hints_of(said, function, &arms) {
                note(&mut found.hints, &hint);
            }
        }
        explained
    }

    /// A hint stands beside the code, or is the variant's, or is that of whoever asked for the code.
    fn hints_of(&self, said: &Said, function: &str, arms: &[(&String, Said)]) -> Vec<String> {
        let beside = |said: &Said| {
            let beside = said.texts.iter().find(|text| text.contains(' ')).cloned();
            let of = |variants: &[Variant]| -> Vec<String> {
                let known = variants
                    .iter()
                    .filter_map(|variant| self.hints.get(variant));
                known.cloned().collect()
            };
            let inner = beside.map_or_else(|| of(&said.variants), |hint| vec![hint]);
            if inner.is_empty() {
                of(&said.around)
            } else {
                inner
            }
        };
        let own = beside(said);
        let asking = arms
            .iter()
            .find(|(_, other)| other.asks.iter().any(|asked| asked == function));
        match asking {
            Some((_, asking)) if own.is_empty() => beside(asking),
            _ => own,
        }
    }

    /// A variant's documentation, unless two enums of one name differ in it.
    fn doc(&self, variant: &Variant) -> Option<&str> {
        match self.docs.get(variant)?.as_slice() {
            [first, others @ ..] if others.iter().all(|other| other == first) => Some(first),
            _ => None,
        }
    }

    /// The arms of all matches in the functions of a name.
    fn arms_of(&self, file: &syn::File, function: &str) -> Vec<Said> {
        let mut arms = Arms {
            of: None,
            arms: Vec::new(),
        };
        for item in &file.items {
            if let Item::Fn(item) = item
                && item.sig.ident == function
            {
                arms.visit_block(&item.block);
            }
            if let Item::Impl(item) = item
                && let Type::Path(path) = &*item.self_ty
            {
                let segments = &path.path.segments;
                arms.of = segments.last().map(|last| last.ident.to_string());
                for member in &item.items {
                    if let ImplItem::Fn(member) = member
                        && member.sig.ident == function
                    {
                        arms.visit_block(&member.block);
                    }
                }
                arms.of = None;
            }
        }
        let said = |(of, arm): (Option<String>, Arm)| {
            let mut words = Words::default();
            words.visit_expr(&arm.body);
            let constants = words
                .constants
                .iter()
                .filter_map(|name| self.constants.get(name));
            Said {
                variants: leaves(&arm.pat, of.as_deref()),
                around: named(&arm.pat, of.as_deref()),
                texts: words.texts.iter().chain(constants).cloned().collect(),
                asks: words.calls,
            }
        };
        arms.arms.into_iter().map(said).collect()
    }
}

fn parse(text: &str) -> syn::File {
    syn::parse_file(text).expect("the sources compile")
}

fn note(list: &mut Vec<String>, text: &str) {
    if !list.iter().any(|known| known == text) {
        list.push(text.to_owned());
    }
}

fn first_paragraph(attributes: &[Attribute]) -> String {
    let mut lines = Vec::new();
    for attribute in attributes {
        if let Meta::NameValue(pair) = &attribute.meta
            && pair.path.is_ident("doc")
            && let Expr::Lit(literal) = &pair.value
            && let Lit::Str(line) = &literal.lit
        {
            let line = line.value().trim().to_owned();
            if line.is_empty() {
                break;
            }
            lines.push(line);
        }
    }
    lines.join(" ").replace("[`", "`").replace("`]", "`")
}

/// The innermost variants that a pattern names.
fn leaves(pattern: &Pat, of: Option<&str>) -> Vec<Variant> {
    if let Pat::Or(any) = pattern {
        return any.cases.iter().flat_map(|case| leaves(case, of)).collect();
    }
    let inside: Vec<&Pat> = if let Pat::TupleStruct(tuple) = pattern {
        tuple.elems.iter().collect()
    } else if let Pat::Struct(fields) = pattern {
        fields.fields.iter().map(|field| &*field.pat).collect()
    } else {
        Vec::new()
    };
    let deeper: Vec<Variant> = inside
        .iter()
        .flat_map(|pattern| leaves(pattern, of))
        .collect();
    if deeper.is_empty() {
        named(pattern, of)
    } else {
        deeper
    }
}

/// The outermost variants that a pattern names.
fn named(pattern: &Pat, of: Option<&str>) -> Vec<Variant> {
    let path = if let Pat::Or(any) = pattern {
        return any.cases.iter().flat_map(|case| named(case, of)).collect();
    } else if let Pat::Path(only) = pattern {
        &only.path
    } else if let Pat::TupleStruct(tuple) = pattern {
        &tuple.path
    } else if let Pat::Struct(fields) = pattern {
        &fields.path
    } else {
        return Vec::new();
    };
    let names: Vec<String> = path
        .segments
        .iter()
        .map(|segment| segment.ident.to_string())
        .collect();
    match names.as_slice() {
        [.., holder, name] => {
            let holder = if holder == "Self" {
                of.unwrap_or_default()
            } else {
                holder
            };
            vec![(holder.to_owned(), name.clone())]
        }
        _ => Vec::new(),
    }
}

/// Collects the arms of matches.
struct Arms {
    of: Option<String>,
    arms: Vec<(Option<String>, Arm)>,
}

impl<'ast> Visit<'ast> for Arms {
    fn visit_expr_match(&mut self, found: &'ast ExprMatch) {
        let of = self.of.clone();
        self.arms
            .extend(found.arms.iter().map(|arm| (of.clone(), arm.clone())));
        visit::visit_expr_match(self, found);
    }
}

/// Collects what an expression says.
#[derive(Default)]
struct Words {
    texts: Vec<String>,
    constants: Vec<String>,
    calls: Vec<String>,
}

impl<'ast> Visit<'ast> for Words {
    fn visit_lit_str(&mut self, text: &'ast LitStr) {
        self.texts.push(text.value());
    }

    fn visit_macro(&mut self, call: &'ast Macro) {
        // The first literal of a format is what it says, whatever fills its places.
        let tokens = call.tokens.to_string();
        self.texts
            .extend(tokens.split('"').nth(1).map(str::to_owned));
    }

    fn visit_expr_path(&mut self, path: &'ast syn::ExprPath) {
        if let Some(last) = path.path.segments.last() {
            self.constants.push(last.ident.to_string());
        }
    }

    fn visit_expr_call(&mut self, call: &'ast ExprCall) {
        if let Expr::Path(path) = &*call.func
            && let Some(last) = path.path.segments.last()
        {
            self.calls.push(last.ident.to_string());
        }
        visit::visit_expr_call(self, call);
    }
}
