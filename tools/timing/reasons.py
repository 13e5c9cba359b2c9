"""Errors that stay, and what is known of why."""

# Errors that stay, by the beginning of a table's id and collective: what is known of why.
REASONS = (
    ("gcp-a3mega-2x8h100", "GPUDirect-TCPXO, a transport of its own. The scripts that bring it "
     "restrict NCCL to Simple on rings and trees, without NVLS; the log hands such variables on "
     "but does not print them, and they were looked up after a prediction without them was two "
     "thirds off. With them the floor is right (123 us). From 1 to 256 MiB the prediction is up to "
     "five times too fast: from 16 MiB on the measured time is that of all NICs and 0.8 ms more. "
     "The same scripts set buffers of 8 MiB and chunks of 512 KiB to 1 MiB, and a chain of 16 "
     "steps fills with whole chunks; the model's ramp is that of NCCL's own chunks on one node. No "
     "term was added for one table."),
    ("dranet-2h200-1nic", "One rank a node. NCCL's own figures say that Simple is quicker from 8 "
     "MiB on, the table changes between 32 and 64 MiB (GKE's network plugin may bring a tuner of "
     "its own), so that 8 to 32 MiB are 30 % too fast. Up to 256 KiB each step of LL over the "
     "network gets dearer with its bytes, more than the NIC's rate explains; the model has a "
     "constant."),
    ("oci-16a100", "Four sizes near the network's rate. The model takes a tree, which NVLink "
     "limits; measured is what a ring over NICs of 23.7 GB/s gives. Which of them ran the table "
     "does not say."),
    ("cw-144gb200", "Two racks. From 512 MiB to 2 GiB the pipeline over the network still fills, "
     "which the model's NVLS tree does not know."),
    ("aic-b200_sxm-nccl2.27.5", "NCCL 2.27 takes LL128 on Blackwell where 2.29 does not "
     "(all_reduce of 8 MiB on four GPUs 48 us against 85 us), and LL with "
     "more channels for all-to-all; the preset is of 2.29."),
    ("nccl2094-8h100-small", "A report of a fault: 35 us for 1 KiB, against 16 us elsewhere on the "
     "same GPUs; one thread launches on eight GPUs."),
    ("azure-nd_a100_v4", "Below 1 MiB NCCL 2.18 takes twice as long as 2.27 on the same GPUs."),
    ("cw-1440gb200", "Twenty racks: neither the oversubscription of the network between them nor "
     "the number of NICs a rack is published; the preset assumes neither."),
    ("simllm-a100", "A board on which two GPUs have four NVLinks; its rate is scaled from twelve."),
    ("aic-rtx_pro_6000", "PCIe: LL gets slower with the number of ranks (14, 12 and 6 GB/s for 2, "
     "4 and 8), because rings cross the sockets; the model has one rate."),
    ("vidur-a100pair-ar-4g", "Two pairs, each with NVLink, and PCIe between them. The model has "
     "one kind of link in a node, here PCIe's, at 13 GB/s, the share that an L40S reaches; these "
     "boards reach 24 GB/s."),
    ("vidur-h100pair-ar-4g", "The same with H100 NVL; here the one kind of link is the NVLink of a "
     "pair, and a ring of four is as slow as PCIe: three to four times."),
    ("vidur", "Kernel times of a profiler, in whole microseconds and of 2023; not a call's. Most "
     "points are rounded by more than 5 % and left out."),
    ("stas-8b200", "torch.distributed, blocking: what a call of the framework costs varies."),
)


def reasons_text(found):
    sections = [found.interpolation, *found.transfers, found.presets]
    ids = {result.table.id for section in sections for result in section.results}
    lines = ["## Errors that stay, and why", ""]
    for prefix, reason in REASONS:
        if any(name.startswith(prefix) for name in ids):
            lines.append(f"- `{prefix}`: {reason}")
    lines += ["- All-to-all of 16 MiB takes a fifth to a quarter longer than sizes on both sides "
              "suggest, on every NVLink machine: a step of NCCL's chunk sizes that is not "
              "modelled.",
              "- The floors of LL rise by up to a microsecond between 8 and 32 KiB and between "
              "repeats; the model rises linearly until a channel is full."]
    return lines
