/* SPDX-License-Identifier: Apache-2.0 OR MIT */
/*
 * make memory: what a virtual GIC takes, by vgic_size(); of that, what one more shared interrupt and
 * one more vCPU (with its private interrupts) cost.
 */
#include <stdio.h>

#include <carillon/vgic.h>

#define SOME_SPIS 64 /* enough that the rounding to 64 bytes does not show */

static const struct vgic_config configs[] = {
	{ .version = VGIC_V2, .vcpus = 8, .spis = 988, .priority_bits = 5, .preemption_bits = 5 },
	{ .version = VGIC_V3, .vcpus = 4, .spis = 224, .priority_bits = 5, .preemption_bits = 5 },
	{ .version = VGIC_V3, .vcpus = 4, .spis = 988, .priority_bits = 5, .preemption_bits = 5 },
	{ .version = VGIC_V3, .vcpus = 64, .spis = 988, .priority_bits = 5, .preemption_bits = 5 },
	{ .version = VGIC_V3, .vcpus = 64, .spis = 988, .priority_bits = 8, .preemption_bits = 7 },
	{ .version = VGIC_V3, .vcpus = 512, .spis = 988, .priority_bits = 5, .preemption_bits = 5 },
	{ .version = VGIC_V3,
	  .vcpus = 4,
	  .spis = 988,
	  .espis = 1024,
	  .eppis = 64,
	  .priority_bits = 5,
	  .preemption_bits = 5 },
	{ .version = VGIC_V3,
	  .vcpus = 64,
	  .spis = 988,
	  .espis = 1024,
	  .eppis = 64,
	  .priority_bits = 5,
	  .preemption_bits = 5 },
	{ .version = VGIC_V3,
	  .vcpus = 512,
	  .spis = 988,
	  .espis = 1024,
	  .eppis = 64,
	  .priority_bits = 5,
	  .preemption_bits = 5 },
};

static size_t per_interrupt(struct vgic_config config)
{
	size_t whole = vgic_size(&config);

	config.spis -= SOME_SPIS;
	return (whole - vgic_size(&config)) / SOME_SPIS;
}

static size_t per_vcpu(struct vgic_config config)
{
	size_t whole = vgic_size(&config), half = config.vcpus / 2;

	config.vcpus -= (uint16_t)half;
	return (whole - vgic_size(&config)) / half;
}

int main(void)
{
	const char *why;

	printf("%-5s %5s %6s %9s %8s %8s %10s %10s %8s\n", "GIC", "vCPUs", "SPIs", "ext.SPIs",
	       "ext.PPIs", "pri.bits", "bytes", "/interrupt", "/vCPU");
	for (size_t i = 0; i < sizeof(configs) / sizeof(configs[0]); i++) {
		struct vgic_config config = configs[i];

		config.lrs = 4;
		if (vgic_check(&config, &why)) {
			fprintf(stderr, "row %zu: %s\n", i, why);
			return 1;
		}
		printf("v%-4u %5u %6u %9u %8u %8u %10zu %10zu %8zu\n", config.version, config.vcpus,
		       config.spis, config.espis, config.eppis, config.priority_bits,
		       vgic_size(&config), per_interrupt(config), per_vcpu(config));
	}
	return 0;
}
