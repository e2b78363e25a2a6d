//! Takes from a source what is not interface.

use std::collections::BTreeSet;

use syn::{Attribute, Fields, File, ImplItem, Item, Meta, TraitItem, Type, Visibility};

/// The macros that make what is public of their entries, and of which type: each entry
/// begins with a name and what it has, and says the rest behind a text, `=` or `:`.
const DECLARE: [(&str, &str); 3] = [("defects", "Defect"), ("parts", "State"), ("steps", "What")];

const fn is_public(visibility: &Visibility) -> bool {
    matches!(visibility, Visibility::Public(_))
}

/// The names of the public types, in modules inside files too.
pub(crate) fn public_types(files: &[File]) -> BTreeSet<String> {
    fn add(items: &[Item], names: &mut BTreeSet<String>) {
        for item in items {
            match item {
                Item::Struct(it) if is_public(&it.vis) => names.insert(it.ident.to_string()),
                Item::Enum(it) if is_public(&it.vis) => names.insert(it.ident.to_string()),
                Item::Mod(it) => {
                    add(it.content.as_ref().map_or(&[], |it| &it.1), names);
                    false
                }
                _ => false,
            };
        }
    }
    let mut names = BTreeSet::from(DECLARE.map(|it| it.1.to_owned()));
    files.iter().for_each(|it| add(&it.items, &mut names));
    names
}

/// Leaves what others can name, without documentation and bodies.
pub(crate) fn to_interface(items: &mut Vec<Item>, public: &BTreeSet<String>) {
    items.retain_mut(|item| is_interface(item, public));
}

fn is_interface(item: &mut Item, public: &BTreeSet<String>) -> bool {
    let (attributes, visibility) = match item {
        Item::Const(it) => {
            *it.expr = nothing();
            (&mut it.attrs, &it.vis)
        }
        Item::Enum(it) => {
            for variant in &mut it.variants {
                keep(&mut variant.attrs);
                fields(&mut variant.fields, true);
            }
            (&mut it.attrs, &it.vis)
        }
        Item::Fn(it) => {
            it.block.stmts.clear();
            (&mut it.attrs, &it.vis)
        }
        Item::Impl(it) => {
            let Type::Path(of) = &*it.self_ty else {
                return false;
            };
            let name = of.path.segments.last().map(|it| it.ident.to_string());
            let of_trait = it.trait_.is_some();
            it.items.retain_mut(|it| is_method(it, of_trait));
            let known = name.is_some_and(|it| public.contains(&it));
            let tests = keep(&mut it.attrs);
            return known && !tests && (of_trait || !it.items.is_empty());
        }
        Item::Mod(it) => {
            let (_, items) = it.content.get_or_insert_default();
            to_interface(items, public);
            // One in a file of its own has a page of its own.
            if items.is_empty() {
                it.content = None;
                it.semi = Some(Default::default());
            }
            (&mut it.attrs, &it.vis)
        }
        Item::Static(it) => {
            *it.expr = nothing();
            (&mut it.attrs, &it.vis)
        }
        Item::Struct(it) => {
            fields(&mut it.fields, false);
            (&mut it.attrs, &it.vis)
        }
        Item::Trait(it) => {
            it.items.iter_mut().for_each(demand);
            (&mut it.attrs, &it.vis)
        }
        Item::Type(it) => (&mut it.attrs, &it.vis),
        Item::Use(it) => (&mut it.attrs, &it.vis),
        Item::Macro(it) if DECLARE.iter().any(|name| it.mac.path.is_ident(name.0)) => {
            let (mut ends, mut attribute) = (false, false);
            let trees = std::mem::take(&mut it.mac.tokens).into_iter();
            it.mac.tokens = trees
                .filter(|tree| {
                    let text = tree.to_string();
                    let says = text.starts_with(['"', '=', ':']);
                    ends = (ends || says) && text != ";";
                    // A sign, and what stands in its brackets.
                    let of_attribute = attribute || text == "#";
                    attribute = text == "#";
                    !ends && !of_attribute
                })
                .collect();
            return true;
        }
        _ => return false,
    };
    let public = is_public(visibility);
    !keep(attributes) && public
}

/// Keeps the attributes that others depend on; whether it is for tests only.
fn keep(attributes: &mut Vec<Attribute>) -> bool {
    let tests = |it: &Attribute| match &it.meta {
        Meta::List(it) if it.path.is_ident("cfg") => it.tokens.to_string().starts_with("test"),
        _ => false,
    };
    let is_tests = attributes.iter().any(tests);
    let kept = [
        "cfg",
        "deprecated",
        "derive",
        "macro_export",
        "non_exhaustive",
    ];
    attributes.retain(|it| kept.iter().any(|name| it.path().is_ident(name)));
    is_tests
}

/// Drops the private fields; that there are some stays to be seen.
fn fields(fields: &mut Fields, all_public: bool) {
    let private = |it: &syn::Field| !all_public && !is_public(&it.vis);
    let hidden = fields.iter().any(private);
    for field in fields.iter_mut() {
        keep(&mut field.attrs);
        if private(field) {
            field.ty = syn::parse_quote!(_);
        }
    }
    if hidden && let Fields::Named(named) = fields {
        let shown = std::mem::take(&mut named.named).into_iter();
        named.named = shown.filter(|it| is_public(&it.vis)).collect();
        named.named.push(syn::parse_quote!(_private: _));
    }
}

fn is_method(item: &mut ImplItem, of_trait: bool) -> bool {
    match item {
        ImplItem::Const(it) => {
            it.expr = nothing();
            !keep(&mut it.attrs) && (of_trait || is_public(&it.vis))
        }
        ImplItem::Fn(it) => {
            it.block.stmts.clear();
            !keep(&mut it.attrs) && !of_trait && is_public(&it.vis)
        }
        ImplItem::Type(_) => true,
        _ => false,
    }
}

/// What a trait demands, or offers.
fn demand(item: &mut TraitItem) {
    match item {
        TraitItem::Const(it) => {
            keep(&mut it.attrs);
        }
        TraitItem::Fn(it) => {
            keep(&mut it.attrs);
            if let Some(block) = &mut it.default {
                block.stmts.clear();
            }
        }
        TraitItem::Type(it) => {
            keep(&mut it.attrs);
        }
        _ => {}
    }
}

fn nothing() -> syn::Expr {
    syn::parse_quote!(_)
}
