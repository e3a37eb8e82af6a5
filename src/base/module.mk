libsallyport_a_SOURCES += \
	src/base/address.c \
	src/base/address.h \
	src/base/buf.c \
	src/base/buf.h \
	src/base/clock.c \
	src/base/clock.h \
	src/base/counter.h \
	src/base/encode.c \
	src/base/encode.h \
	src/base/err.c \
	src/base/err.h \
	src/base/file.c \
	src/base/file.h \
	src/base/hash.c \
	src/base/hash.h \
	src/base/heap.c \
	src/base/heap.h \
	src/base/http.c \
	src/base/http.h \
	src/base/list.h \
	src/base/log.c \
	src/base/log.h \
	src/base/log_sink.c \
	src/base/log_sink.h \
	src/base/ratelimit.c \
	src/base/ratelimit.h \
	src/base/report.c \
	src/base/report.h \
	src/base/slice.h \
	src/base/socket.c \
	src/base/socket.h \
	src/base/table.c \
	src/base/table.h \
	src/base/thread.c \
	src/base/thread.h \
	src/base/time.c \
	src/base/time.h \
	src/base/unit.c \
	src/base/unit.h \
	src/base/utf8.c \
	src/base/utf8.h

check_PROGRAMS += t/unit/base_address.t
t_unit_base_address_t_SOURCES = t/unit/base_address.c

check_PROGRAMS += t/unit/base_buf.t
t_unit_base_buf_t_SOURCES = t/unit/base_buf.c

check_PROGRAMS += t/unit/base_encode.t
t_unit_base_encode_t_SOURCES = t/unit/base_encode.c

check_PROGRAMS += t/unit/base_file.t
t_unit_base_file_t_SOURCES = t/unit/base_file.c

check_PROGRAMS += t/unit/base_hash.t
t_unit_base_hash_t_SOURCES = t/unit/base_hash.c

check_PROGRAMS += t/unit/base_heap.t
t_unit_base_heap_t_SOURCES = t/unit/base_heap.c

check_PROGRAMS += t/unit/base_http.t
t_unit_base_http_t_SOURCES = t/unit/base_http.c

check_PROGRAMS += t/unit/base_log.t
t_unit_base_log_t_SOURCES = t/unit/base_log.c

check_PROGRAMS += t/unit/base_ratelimit.t
t_unit_base_ratelimit_t_SOURCES = t/unit/base_ratelimit.c

check_PROGRAMS += t/unit/base_socket.t
t_unit_base_socket_t_SOURCES = t/unit/base_socket.c

check_PROGRAMS += t/unit/base_table.t
t_unit_base_table_t_SOURCES = t/unit/base_table.c

check_PROGRAMS += t/unit/base_time.t
t_unit_base_time_t_SOURCES = t/unit/base_time.c

check_PROGRAMS += t/unit/base_utf8.t
t_unit_base_utf8_t_SOURCES = t/unit/base_utf8.c

check_PROGRAMS += t/unit/base_log_sink.t
t_unit_base_log_sink_t_SOURCES = t/unit/base_log_sink.c
