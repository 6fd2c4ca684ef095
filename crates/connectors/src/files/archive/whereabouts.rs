//! Where in which archive or layer something lies, and what its image tells of it.

use std::collections::BTreeMap;

use model::{Attribute, Observation, Told};

use super::super::image::{self, Image, Names};
use super::super::sight;
use super::{Held, IN};

/// Of the images that share a layer, so many are named.
const IMAGES_TOLD_MAX: usize = 16;

/// Where what was held lies, as a person reads it, and what its image tells of it.
pub(super) struct Whereabouts<'a> {
    base: &'a str,
    /// The archive's own path.
    pub(super) archive: String,
    names: &'a BTreeMap<String, Names>,
    /// Images with the layer's number in each, by the place of the layer's archive.
    layers: BTreeMap<&'a str, Vec<(&'a Image, usize)>>,
    /// Images by the place of their configuration or manifest.
    documents: BTreeMap<&'a str, (&'a Image, &'static str)>,
}

impl<'a> Whereabouts<'a> {
    pub(super) fn of(held: &'a Held, images: &'a [Image]) -> Self {
        let mut layers: BTreeMap<_, Vec<_>> = BTreeMap::new();
        let mut documents = BTreeMap::new();
        for image in images {
            documents.insert(image.config.as_str(), (image, "configuration"));
            if let Some(manifest) = &image.manifest {
                documents.insert(manifest.as_str(), (image, "annotations"));
            }
            for (n, layer) in image.layers.iter().enumerate() {
                let of: &mut Vec<_> = layers.entry(layer.blob.as_str()).or_default();
                of.push((image, n));
            }
        }
        Self {
            base: &held.base,
            archive: held.archive().to_owned(),
            names: &held.names,
            layers,
            documents,
        }
    }

    /// The layer that a place is in or is, and the path in it.
    fn layer<'i>(&self, inside: &'i str) -> Option<(&'a Image, usize, &'i str)> {
        let mut ends: Vec<_> = inside.match_indices(IN).map(|(at, _)| at).collect();
        ends.push(inside.len());
        ends.into_iter().find_map(|end| {
            let (image, n) = self.layers.get(&inside[..end])?.first()?;
            let path = inside[end..].strip_prefix(IN).unwrap_or_default();
            Some((*image, *n, path))
        })
    }

    /// `/srv/app.tar!/etc/app/.env`, `/srv/shop.tar@sha256:0a1b2c3d4e5f!/etc/app/.env`.
    pub(super) fn path(&self, inside: &str) -> String {
        if inside.is_empty() {
            return self.archive.clone();
        }
        let Some((image, n, path)) = self.layer(inside) else {
            return format!("{}{inside}", self.base);
        };
        let root = format!("{}{}", self.base, image.root);
        let file = root.trim_end_matches('/').trim_end_matches('!');
        let digest = image::short(&image.layers[n].digest);
        match path {
            "" => format!("{file}{}{digest}!", sight::LAYER),
            _ => format!("{file}{}{digest}{IN}{path}", sight::LAYER),
        }
    }

    pub(super) fn facts(&self, inside: &str) -> Option<Facts> {
        if let Some((image, part)) = self.documents.get(inside) {
            return Some(Facts {
                images: image.name.iter().cloned().collect(),
                part,
                layer: None,
                hidden_by: None,
            });
        }
        let (image, n, path) = self.layer(inside)?;
        let all = self.layers.get(image.layers[n].blob.as_str())?;
        // What lies in an archive in the layer goes with that archive.
        let file = path.split_once(IN).map_or(path, |(file, _)| file);
        let hidden: Vec<_> = all
            .iter()
            .map(|(image, n)| image::hidden_by(image, *n, file, self.names))
            .collect();
        // Where it is seen in one image, it is not only left over.
        let all_hide = hidden.iter().all(Option::is_some);
        let hider = hidden.first().copied().flatten().filter(|_| all_hide);
        Some(Facts {
            images: all
                .iter()
                .filter_map(|(image, _)| image.name.clone())
                .take(IMAGES_TOLD_MAX)
                .collect(),
            part: "layer",
            layer: Some((
                image.layers[n].digest.clone(),
                format!("{} of {}", n + 1, image.layers.len()),
            )),
            hidden_by: hider.map(|layer| layer.digest.clone()),
        })
    }
}

/// What an image tells of what lies in it.
pub(super) struct Facts {
    images: Vec<String>,
    part: &'static str,
    layer: Option<(String, String)>,
    hidden_by: Option<String>,
}

impl Facts {
    pub(super) fn tell(&self, mut told: Observation) -> Observation {
        let text = |text: &str| model::shorten(text, 200);
        told = told.is(Attribute::named("image_part"), self.part);
        match self.images.as_slice() {
            [] => {}
            [one] => told = told.is(Attribute::named("image"), text(one)),
            many => {
                let names: Vec<_> = many.iter().map(|one| text(one)).collect();
                told = told.is(Attribute::named("image"), names);
            }
        }
        if self.part == "configuration"
            && told.kind == model::Kind::Identity
            && let Some(name) = self.images.first()
        {
            told.facts.remove(&Attribute::NAME);
            told = told.is(Attribute::NAME, text(name));
        }
        if let Some((digest, number)) = &self.layer {
            told = told
                .is(Attribute::named("layer"), text(digest))
                .is(Attribute::named("layer_number"), number.as_str())
                .told(
                    Attribute::named("removed_in_layer"),
                    Told::or_absent(self.hidden_by.as_deref().map(text)),
                );
        }
        told
    }
}
