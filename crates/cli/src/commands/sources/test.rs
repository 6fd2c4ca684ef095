//! `keyroll sources test`: who a source is, and which rights it lacks.

use std::path::Path;
use std::sync::Arc;
use std::sync::atomic::AtomicBool;

use connectors::{Right, Spec as Wants};
use engine::Spec;
use serde_json::json;

use crate::error::Error;
use crate::exit::Outcome;
use crate::machine::{Asking, machine};
use crate::output::{Cell, Page, Section, Tone, show};
use crate::roll::{Ephemeral, Roll};
use crate::settings::{Settings, without_password};

/// Asks the source that `text` names. One that was not added needs no roll: what is made to ask it
/// goes again.
pub(super) fn run(settings: &Settings, text: &str, asking: &Asking) -> Result<Outcome, Error> {
    let spec = Spec::parse(text, Path::exists).map_err(|error| Error::usage(error.to_string()))?;
    let doing = || Error::from_engine("cannot open the source");
    let stop = Arc::new(AtomicBool::new(false));
    let (roll, gone) = match (&spec, Roll::open(settings)) {
        (_, Ok(roll)) => (roll, None),
        (Spec::Known(_), Err(error)) => return Err(error),
        (_, Err(_)) => {
            let ephemeral = Ephemeral::make(settings)?;
            let roll = Roll::open_or_make(settings, &ephemeral.location())?;
            (roll, Some(ephemeral))
        }
    };
    let mut of_roll = settings.clone();
    if gone.is_some() {
        of_roll.seal_key_file = None;
    }
    let engine = roll.engine(&of_roll)?;
    let machine = machine(&settings.environment, asking);
    let mut opened = engine.open_spec(&spec, &machine, &stop).map_err(doing())?;
    let wants = opened.connector.spec();
    let answer = engine.identify(&mut opened);
    let rights = match &answer {
        Ok(_) => engine.rights(&mut opened),
        Err(_) => Vec::new(),
    };
    let lacking: Vec<&Right> = rights
        .iter()
        .filter(|one| one.given == Some(false))
        .collect();
    let lead = match &answer {
        Ok(target) => Cell::new(format!("it answers as {target}")),
        Err(refusal) => Cell::toned(format!("it does not answer: {refusal}"), Tone::Bad),
    };
    let names = |given| {
        let named = rights.iter().filter(move |one| one.given == given);
        named.map(|one| one.name.as_str()).collect::<Vec<_>>()
    };
    show(
        settings,
        &Page {
            // An address may have been typed with its password.
            title: without_password(text),
            lead: std::iter::once(lead)
                .chain(verdict(&rights, &lacking))
                .collect(),
            sections: sections(wants, &rights),
            hints: hints(wants, &lacking),
            record: json!({
                "id": opened.config.id,
                "answers": answer.is_ok(),
                "told": answer.as_ref().map_or_else(ToString::to_string, Clone::clone),
                "needs_to_discover": wants.needs_to_discover,
                "needs_to_act": wants.needs_to_act,
                "given": names(Some(true)),
                "lacking": names(Some(false)),
                "cannot_tell": names(None),
            }),
            ..Page::default()
        },
    )?;
    Ok(Outcome {
        incomplete: answer.is_err() || !lacking.is_empty(),
        ..Outcome::CLEAN
    })
}

/// How many rights there are, where they could be tried.
fn verdict(rights: &[Right], lacking: &[&Right]) -> Option<Cell> {
    if rights.is_empty() {
        return None;
    }
    let given = rights.iter().filter(|one| one.given == Some(true)).count();
    let (all, lack) = (rights.len(), lacking.len());
    Some(match lack {
        0 if given == all => Cell::new(format!("all {all} rights to read are given")),
        0 => Cell::new(format!(
            "{given} of {all} rights to read are given, none lacks, the others cannot be told"
        )),
        1 => Cell::toned("one right to read lacks", Tone::Bad),
        _ => Cell::toned(format!("{lack} of {all} rights to read lack"), Tone::Bad),
    })
}

fn sections(wants: &Wants, rights: &[Right]) -> Vec<Section> {
    let lines = |names: &[&str]| names.iter().map(|one| Cell::new(*one)).collect();
    let to_act = Section::lines("To act it wants", lines(wants.needs_to_act));
    if rights.is_empty() {
        let to_read = Section::lines("To read it wants", lines(wants.needs_to_discover));
        return vec![to_read, to_act];
    }
    let told = |given: Option<bool>, tone: Tone| {
        let those = rights.iter().filter(move |one| one.given == given);
        let row = |one: &Right| {
            vec![
                Cell::toned(one.name.as_str(), tone),
                Cell::new(one.told.as_str()),
            ]
        };
        those.map(row).collect::<Vec<_>>()
    };
    let given: Vec<_> = rights
        .iter()
        .filter(|one| one.given == Some(true))
        .collect();
    let given: Vec<_> = given.iter().map(|one| one.name.as_str()).collect();
    let mut sections = Vec::new();
    for (title, rows) in [
        ("Lacks", told(Some(false), Tone::Bad)),
        ("Cannot be told", told(None, Tone::Unknown)),
    ] {
        if !rows.is_empty() {
            sections.push(Section::rows(title, &["right", "told"], rows));
        }
    }
    sections.push(Section::lines("Given", lines(&given)));
    sections.push(to_act);
    sections
}

fn hints(wants: &Wants, lacking: &[&Right]) -> Vec<String> {
    if lacking.is_empty() {
        return Vec::new();
    }
    let names: Vec<_> = lacking.iter().map(|one| one.name.as_str()).collect();
    let mut hints = vec![format!(
        "add to the policy of whoever asks: {}",
        names.join(", ")
    )];
    if wants.name == "aws_iam" {
        hints.push(
            "`keyroll sources policy aws` prints the whole policy, ready to paste".to_owned(),
        );
    }
    hints
}
