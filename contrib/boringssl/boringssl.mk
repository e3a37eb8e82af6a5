# SPDX-License-Identifier: ISC
# Builds libcrypto.a and libssl.a inside an unpacked BoringSSL source tree.
# Called by ./build as
#     make -f boringssl.mk LISTS=FILE INCLUDE=FOLDER CPU=x86_64 \
#         libcrypto.a libssl.a
#
# LISTS sets crypto_sources, ssl_sources and asm_sources. In an Android source
# package it is the package's own eureka.mk, which names the assembly for each
# CPU; for an upstream tree ./build writes it.
#
# OPENSSL_SMALL stays undefined: it trades the P-256 tables for size and makes
# a handshake's ECDSA signature three times slower.

include $(LISTS)

asm_sources ?= $(linux_$(CPU)_sources)
ifeq ($(asm_sources),)
CPPFLAGS += -DOPENSSL_NO_ASM
endif

CPPFLAGS += -DNDEBUG -DBORINGSSL_IMPLEMENTATION -I$(INCLUDE)
COMMON = -O2 -fPIC -pthread -fvisibility=hidden -fno-common \
	-fno-strict-aliasing -fstack-protector-strong \
	-ffunction-sections -fdata-sections
CFLAGS = -std=gnu11 $(COMMON)
# Without exceptions and RTTI less of the C++ runtime is needed.
CXXFLAGS = -std=gnu++17 $(COMMON) -fno-exceptions -fno-rtti
ASFLAGS = -fPIC -Wa,--noexecstack

crypto_objects = $(addsuffix .o,$(basename $(crypto_sources) $(asm_sources)))
ssl_objects = $(ssl_sources:.cc=.o)

libcrypto.a: $(crypto_objects)
libssl.a: $(ssl_objects)
libcrypto.a libssl.a:
	@rm -f $@
	@$(AR) rcs $@ $^

%.o: %.c
	@$(CC) $(CPPFLAGS) $(CFLAGS) -c -o $@ $<
%.o: %.cc
	@$(CXX) $(CPPFLAGS) $(CXXFLAGS) -c -o $@ $<
%.o: %.S
	@$(CC) $(CPPFLAGS) $(ASFLAGS) -c -o $@ $<

# Ten rounds of field arithmetic in portable C: -O3 makes it a tenth faster.
src/crypto/curve25519/curve25519.o: CFLAGS += -O3
crypto/curve25519/curve25519.o: CXXFLAGS += -O3
