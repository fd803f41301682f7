# SPDX-License-Identifier: Apache-2.0 OR MIT
#
# The boots on riscv64, as system.mk has those on arm64. `make test-riscv64` runs them alone.

# Linux: harts, CPU (+no-sstc for ,sstc=off), MiB of memory, options of riscv-lib.sh's or nothing. Here each value of one
# meets each value of every other, the slow ones apart; test-all has the whole product.
RISCV_LINUX := 8,rv64,128 1,rv64,128,aclint 2,rv64,1024 1,rv64+no-sstc,512 \
	8,rv64+no-sstc,512,aclint 2,rv64+no-sstc,128,aclint 1,sifive-u54,1024,aclint 4,rv64,512,aclint \
	8,sifive-u54,1024 2,sifive-u54,512 4,rv64+no-sstc,1024 4,sifive-u54,128,aclint \
	2,rv64+no-sstc,128,aclint,plain 2,rv64+no-sstc,512,no-time
RISCV_LINUX_ALL := $(foreach harts,8 4 2 1,$(foreach cpu,rv64 rv64+no-sstc sifive-u54, \
	$(foreach mem,128 512 1024,$(harts),$(cpu),$(mem) $(harts),$(cpu),$(mem),aclint)))

RISCV_OTHERS := riscv-ending,panic riscv-ending,hang riscv-ending,status,sifive-u54 riscv-ending,quotes \
	riscv-bad-elf riscv-ending,off-cpu riscv-ending,off-cpu,rv64+no-sstc,aclint riscv-reboot \
	riscv-reboot,sifive-u54,aclint riscv-jump riscv-jump,sifive-u54 riscv-refuse \
	riscv-sifive,2 riscv-u-boot riscv-nested,clint-interrupt riscv-nested,linux riscv-aia,max \
	$(OPENSBI_OTHERS:%=riscv-opensbi,%)

# Our firmwares: name, CPU, harts, aclint or nothing.
# State enable, which hypervisor looks at, is max's alone.
RISCV_GUESTS := \
	$(foreach g,$(GUEST_RV_SINGLE),riscv-firmware,$g,rv64,1 riscv-firmware,$g,sifive-u54,2,aclint) \
	$(foreach g,$(GUEST_RV_MULTI),riscv-firmware,$g,rv64,4 riscv-firmware,$g,sifive-u54,2,aclint) \
	riscv-firmware,hypervisor,max,1 riscv-firmware,fast,rv64+no-sstc,1 riscv-firmware,fast,rv64,4,aclint,plain \
	riscv-firmware,fast,rv64,2,no-time
RISCV_GUESTS_ALL := $(foreach g,$(GUEST_RV_SINGLE) $(GUEST_RV_MULTI),$(foreach cpu,rv64 rv64+no-sstc sifive-u54, \
	$(foreach harts,1 2 4 8,riscv-firmware,$g,$(cpu),$(harts) riscv-firmware,$g,$(cpu),$(harts),aclint)))

# What takes longer, or differs little from the above.
RISCV_OTHERS_ALL := riscv-sifive,5 riscv-nested,mprv riscv-nested,pmp riscv-nested,csr riscv-nested,external \
	riscv-nested,linux,sifive-u54 riscv-aia,rv64,4 riscv-u-boot,sifive-u54 \
	$(OPENSBI_OTHERS:%=riscv-opensbi,%,sifive-u54)

# What S-mode sees of the SBI: harts, CPU.
RISCV_SBI     := riscv-sbi,4,rv64 riscv-sbi,1,sifive-u54 riscv-sbi,8,rv64+no-sstc riscv-sbi,2,rv64+no-sstc,plain
RISCV_SBI_ALL := $(foreach harts,1 2 4 8,$(foreach cpu,rv64 rv64+no-sstc sifive-u54,riscv-sbi,$(harts),$(cpu)))

RISCV_NOW  := $(RISCV_LINUX:%=riscv-linux,%) $(RISCV_GUESTS) $(RISCV_SBI) $(RISCV_OTHERS)
RISCV_REST := $(filter-out $(RISCV_NOW),$(RISCV_LINUX_ALL:%=riscv-linux,%) \
	$(RISCV_GUESTS_ALL) $(RISCV_SBI_ALL) $(RISCV_OTHERS_ALL))

# Where system.mk's rule makes them.
RISCV_CASES     := $(BUILD)/test/cases
RISCV_TESTS     := $(addprefix $(RISCV_CASES)/,$(RISCV_NOW))
RISCV_TEST_DEPS := $(RISCV_TESTS) $(RISCV64_RUN_DEPS) $(OPENSBI_FW_JUMP) $(OPENSBI_OTHER_FILES) $(UBOOT_RISCV64) \
	$(GUEST_RV_BINARIES) $(GUEST_SBI) \
	$(if $(TEST_BARE),,$(HYPERVISOR_RISCV64))
RISCV_MORE      := $(addprefix $(RISCV_CASES)/,$(RISCV_REST))

SYSTEM_TESTS   += $(RISCV_TESTS)
SYSTEM_DEPS    += $(RISCV_TEST_DEPS)
TEST_ALL_TESTS += $(RISCV_MORE)
TEST_ALL_DEPS  += $(RISCV_MORE)
