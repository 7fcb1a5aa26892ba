# The build a packager or DBA uses: make, make install, make installcheck, make clean.
# PG_CONFIG chooses the PostgreSQL installation; after changing it, run make clean first.
# make bench and make soak measure; they install what they need, PostgreSQL included.

ifneq (,$(filter bench soak,$(MAKECMDGOALS)))

bench soak:
	test/bench/$@
.PHONY: bench soak

else

MODULE_big = stream_users
# Installed with it: assertions for pgTAP suites, SQL only.
EXTENSION = $(MODULE_big) src/pgtap/stream_users_pgtap
EXTENSION_VERSION := $(shell sed -n "s/^default_version = '\(.*\)'/\1/p" $(MODULE_big).control)
DATA = $(wildcard src/pgtap/*.sql)
DATA_built = $(MODULE_big)--$(EXTENSION_VERSION).sql

OBJS := $(patsubst %.cpp,%.o,$(sort $(wildcard src/*.cpp src/*/*.cpp)))
DEPENDENCIES := $(OBJS:.o=.d)
INSTALL_PARTS := $(shell sed 's/\#.*//' src/install_order.txt)
REGRESS := $(patsubst sql/%.sql,%,$(sort $(wildcard sql/*.sql)))
EXTRA_CLEAN = $(DEPENDENCIES)

PG_CONFIG ?= pg_config

# PostgreSQL's headers are included as system headers, so that our warnings are about our code.
PG_CPPFLAGS = -Isrc -isystem $(shell $(PG_CONFIG) --includedir-server) -MMD -MP
# PostgreSQL 15 leaves PGDLLEXPORT empty; later versions define it as this.
PG_CPPFLAGS += -DPGDLLEXPORT='__attribute__((visibility("default")))'

# Optimisation and debug information come from PostgreSQL's own flags.
PG_CXXFLAGS = -std=c++17 -fno-strict-aliasing -fwrapv \
	-Wall -Wextra -Werror -fvisibility=hidden -fvisibility-inlines-hidden
SHLIB_LINK = -lstdc++ -Wl,--version-script=cmake/exports.map

# Bitcode for the JIT compiler would need clang and gain nothing: these functions are never inlined.
override with_llvm := no

PGXS := $(shell $(PG_CONFIG) --pgxs)
include $(PGXS)

# The install script is the rooms' SQL, joined in the declared order.
$(DATA_built): src/install_order.txt $(INSTALL_PARTS) $(MODULE_big).control Makefile
	{ printf '%s\n' '\echo Use "CREATE EXTENSION $(MODULE_big)" to load this file. \quit'; \
	  awk 1 $(INSTALL_PARTS); } > $@.part
	mv $@.part $@

install_script: $(DATA_built)
.PHONY: install_script

$(shlib): cmake/exports.map

-include $(DEPENDENCIES)

endif
