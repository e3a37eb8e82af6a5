# Builds libcrypto.a and libssl.a inside an unpacked Android BoringSSL source
# package, whose eureka.mk lists the sources and which carries the assembly
# ready made. Called by ./build as
#     make -f boringssl.mk CPU=x86_64 libcrypto.a libssl.a
#
# OPENSSL_SMALL stays undefined: it trades the P-256 tables for size and makes
# a handshake's ECDSA signature three times slower.

include eureka.mk

ASM = $(linux_$(CPU)_sources)
ifeq ($(ASM),)
CPPFLAGS += -DOPENSSL_NO_ASM
endif

CPPFLAGS += -DNDEBUG -DBORINGSSL_IMPLEMENTATION -Isrc/include
COMMON = -O2 -fPIC -pthread -fvisibility=hidden -fno-common \
	-fno-strict-aliasing -fstack-protector-strong \
	-ffunction-sections -fdata-sections
CFLAGS = -std=gnu11 $(COMMON)
# Without exceptions and RTTI libssl needs no C++ runtime.
CXXFLAGS = -std=gnu++14 $(COMMON) -fno-exceptions -fno-rtti
ASFLAGS = -fPIC -Wa,--noexecstack

crypto_objects = $(addsuffix .o,$(basename $(crypto_sources) $(ASM)))
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

# Ten passes of field arithmetic in portable C: a tenth faster with -O3.
src/crypto/curve25519/curve25519.o: CFLAGS += -O3
