//! `derive(Command)`.

use proc_macro2::TokenStream;
use quote::quote;
use syn::{Data, DeriveInput, Fields, Ident};

use crate::attributes::{CommandAttr, summary};
use crate::fields::{Part, with_static_lifetimes};

pub(crate) fn expand(input: &DeriveInput) -> syn::Result<TokenStream> {
    let attr = CommandAttr::read(&input.attrs)?;
    let parts = parts_of(input)?;
    let grammar = grammar(input, &attr, &parts)?;
    let parse = if attr.manual { quote!() } else { parse(input, &attr, &parts) };
    Ok(quote!(#grammar #parse))
}

fn parts_of(input: &DeriveInput) -> syn::Result<Vec<Part>> {
    let Data::Struct(data) = &input.data else {
        return Err(syn::Error::new_spanned(&input.ident, "a command is a struct"));
    };
    match &data.fields {
        Fields::Named(fields) => fields.named.iter().enumerate().map(|(i, f)| Part::read(f, i)).collect(),
        Fields::Unit => Ok(Vec::new()),
        Fields::Unnamed(_) => Err(syn::Error::new_spanned(&input.ident, "a command's fields have names")),
    }
}

fn grammar(input: &DeriveInput, attr: &CommandAttr, parts: &[Part]) -> syn::Result<TokenStream> {
    let ident = &input.ident;
    let missing = |what: &str| syn::Error::new_spanned(ident, format!("#[command] needs {what}"));
    let name = attr.name.clone().unwrap_or_else(|| ident.to_string().to_lowercase());
    let name_words = name.split('|').count();
    let summary = summary(&input.attrs);
    if summary.is_empty() {
        return Err(missing("a doc comment"));
    }
    let group = attr.group.as_ref().ok_or_else(|| missing("group"))?;
    let since = attr.since.as_ref().ok_or_else(|| missing("since"))?;
    let complexity = attr.complexity.clone().unwrap_or_default();
    let upper = |idents: &[Ident]| -> Vec<Ident> {
        idents.iter().map(|i| Ident::new(&i.to_string().to_uppercase(), i.span())).collect()
    };
    let flags = upper(&attr.flags);
    let categories = &attr.categories;
    let tips = &attr.tips;
    let doc_flags = &attr.doc_flags;
    let (deprecated_since, replaced_by) = (&attr.deprecated_since, &attr.replaced_by);

    let shapes: Vec<TokenStream> = parts.iter().map(Part::shape).collect();
    let keys = attr.keys.as_ref().map_or_else(|| key_specs(parts, &shapes, name_words), |keys| quote!(#keys));
    let reach = attr.reach.as_ref().map_or_else(|| quote!(None), |reach| quote!(Some(#reach)));
    let args = attr.args.as_ref().map_or_else(|| arg_specs(parts), |args| quote!(#args));
    let history = attr.history.as_ref().map_or_else(|| quote!(&[]), |history| quote!(#history));
    let arity = attr.arity.as_ref().map_or_else(
        || quote!(::spinel_family::spec::arity(#name_words, &[#(#shapes),*])),
        |arity| quote!(#arity),
    );
    let body = with_static_lifetimes(quote!(
        &::spinel_family::spec::Spec {
            name: #name,
            summary: #summary,
            since: #since,
            group: ::spinel_family::spec::Group::#group,
            complexity: #complexity,
            arity: #arity,
            flags: ::spinel_family::spec::CommandFlags::NONE
                #(.with(::spinel_family::spec::CommandFlags::#flags))*,
            categories: &[#(::spinel_family::spec::Category::#categories),*],
            tips: &[#(#tips),*],
            keys: #keys,
            reach: #reach,
            args: #args,
            history: #history,
            doc_flags: &[#(::spinel_family::spec::DocFlag::#doc_flags),*],
            deprecated_since: #deprecated_since,
            replaced_by: #replaced_by,
        }
    ));
    let generics = input.generics.lifetimes().next().map(|_| quote!(<'_>));
    Ok(quote!(
        #[automatically_derived]
        impl ::spinel_family::Grammar for #ident #generics {
            const SPEC: &'static ::spinel_family::spec::Spec = #body;
        }
    ))
}

/// The key specifications of the fields that are marked as keys.
fn key_specs(parts: &[Part], shapes: &[TokenStream], name_words: usize) -> TokenStream {
    let mut specs = Vec::new();
    for (index, part) in parts.iter().enumerate() {
        let Some(flags) = part.attr.key_flags_expr() else { continue };
        let before = &shapes[..index];
        let shape = &shapes[index];
        let begin = match &part.attr.token {
            Some(token) => quote!(::spinel_family::spec::Begin::Keyword { word: #token, start_from: 1 }),
            None => quote!(::spinel_family::spec::Begin::Index(
                ::spinel_family::spec::position(#name_words, &[#(#before),*])
            )),
        };
        specs.push(quote!(::spinel_family::spec::KeySpec {
            flags: #flags, begin: #begin, find: #shape.find, notes: "",
        }));
    }
    quote!(&[#(#specs),*])
}

/// The documented arguments; each key knows which specification is its own.
fn arg_specs(parts: &[Part]) -> TokenStream {
    let mut next_key = 0;
    let args = parts.iter().filter(|part| !part.attr.hidden).map(|part| {
        let key = part.attr.key_flags.as_ref().map(|_| {
            next_key += 1;
            next_key - 1
        });
        part.arg(key)
    });
    quote!(&[#(#args),*])
}

fn parse(input: &DeriveInput, attr: &CommandAttr, parts: &[Part]) -> TokenStream {
    let ident = &input.ident;
    let generics = input.generics.lifetimes().next().map(|_| quote!(<'a>));
    let filled = parts.iter().map(Part::filled);
    let declarations = parts.iter().map(Part::declare);
    let mut steps = Vec::new();
    let mut at = 0;
    while at < parts.len() {
        if !parts[at].is_option() {
            steps.push(parts[at].read_positional());
            at += 1;
            continue;
        }
        let end = parts[at..].iter().position(|p| !p.is_option()).map_or(parts.len(), |n| at + n);
        let tries = parts[at..end].iter().map(Part::try_option);
        steps.push(quote!(
            #[allow(clippy::never_loop)]
            while let Some(__word) = __words.peek() {
                #(#tries)*
                break;
            }
        ));
        at = end;
    }
    let excess = if attr.excess_is_arity { quote!(Arity) } else { quote!(Syntax) };
    quote!(
        #[automatically_derived]
        impl<'a> ::spinel_family::Parse<'a> for #ident #generics {
            fn parse(__words: &mut ::spinel_family::Words<'a>)
                -> ::core::result::Result<Self, ::spinel_family::CommandError>
            {
                #(#declarations)*
                #(#steps)*
                if !__words.is_empty() {
                    return Err(::spinel_family::CommandError::#excess);
                }
                Ok(Self { #(#filled),* })
            }
        }
    )
}
