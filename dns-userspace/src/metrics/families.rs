//! Families of metrics, each with its description and its samples.

use std::fmt;

use prometheus_client::{
    encoding::{DescriptorEncoder, MetricEncoder, NoLabelSet},
    metrics::MetricType,
    registry::Unit,
};

/// One sample's labels.
pub(super) type Labels<'l, const N: usize> = [(&'static str, &'l str); N];

/// Where families go, one after the other.
pub(super) struct Families<'e>(DescriptorEncoder<'e>);

impl<'e> Families<'e> {
    /// None yet.
    pub(super) fn new(encoder: DescriptorEncoder<'e>) -> Self {
        Self(encoder)
    }

    /// What only grows.
    pub(super) fn counters<'l, const N: usize>(
        &mut self,
        name: &str,
        help: &str,
        samples: impl IntoIterator<Item = (Labels<'l, N>, u64)>,
    ) -> fmt::Result {
        let (encoder, kind) = (&mut self.0, MetricType::Counter);
        let mut family = encoder.encode_descriptor(name, help, None, kind)?;
        for (labels, value) in samples {
            let write = |sample: &mut MetricEncoder| {
                sample.encode_counter::<NoLabelSet, u64, f64>(&value, None)
            };
            labelled(&mut family, &labels, write)?;
        }
        Ok(())
    }

    /// One thing that only grows.
    pub(super) fn counter(&mut self, name: &str, help: &str, value: u64) -> fmt::Result {
        self.counters(name, help, [([], value)])
    }

    /// What is as it is now.
    pub(super) fn gauges<'l, const N: usize>(
        &mut self,
        name: &str,
        help: &str,
        samples: impl IntoIterator<Item = (Labels<'l, N>, u64)>,
    ) -> fmt::Result {
        let (encoder, kind) = (&mut self.0, MetricType::Gauge);
        let mut family = encoder.encode_descriptor(name, help, None, kind)?;
        for (labels, value) in samples {
            labelled(&mut family, &labels, |sample| sample.encode_gauge(&value))?;
        }
        Ok(())
    }

    /// One thing that is as it is now.
    pub(super) fn gauge(&mut self, name: &str, help: &str, value: u64) -> fmt::Result {
        self.gauges(name, help, [([], value)])
    }

    /// A time; the name ends with its unit.
    pub(super) fn seconds(&mut self, name: &str, help: &str, value: f64) -> fmt::Result {
        let (encoder, kind) = (&mut self.0, MetricType::Gauge);
        let unit = Some(&Unit::Seconds);
        let mut family = encoder.encode_descriptor(name, help, unit, kind)?;
        family.encode_gauge(&value)
    }

    /// How many took how long: by upper bounds in seconds, ascending and not summed, the last
    /// of which is none; and all of them together.
    pub(super) fn times(
        &mut self,
        name: &str,
        help: &str,
        buckets: impl IntoIterator<Item = (Option<f64>, u64)>,
        together: f64,
    ) -> fmt::Result {
        let (encoder, kind) = (&mut self.0, MetricType::Histogram);
        let unit = Some(&Unit::Seconds);
        let mut family = encoder.encode_descriptor(name, help, unit, kind)?;
        let buckets = buckets.into_iter();
        let buckets: Vec<_> = buckets
            .map(|(bound, count)| (bound.unwrap_or(f64::INFINITY), count))
            .collect();
        let count = buckets.iter().map(|(_, count)| count).sum();
        family.encode_histogram::<NoLabelSet>(together, count, &buckets, None)
    }

    /// What is said in words alone.
    pub(super) fn infos<'l, const N: usize>(
        &mut self,
        name: &str,
        help: &str,
        samples: impl IntoIterator<Item = Labels<'l, N>>,
    ) -> fmt::Result {
        let (encoder, kind) = (&mut self.0, MetricType::Info);
        let mut family = encoder.encode_descriptor(name, help, None, kind)?;
        for labels in samples {
            family.encode_info(&labels)?;
        }
        Ok(())
    }
}

/// Has `write` write a sample with `labels`; one without any has no braces either.
fn labelled<const N: usize>(
    family: &mut MetricEncoder,
    labels: &Labels<'_, N>,
    write: impl FnOnce(&mut MetricEncoder) -> fmt::Result,
) -> fmt::Result {
    if N == 0 {
        return write(family);
    }
    write(&mut family.encode_family(labels)?)
}
