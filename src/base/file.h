/* base/file.h - whole files in and out, through the replaceable table of tison/file.h. */
#ifndef TNI_FILE_H
#define TNI_FILE_H
#include "base/base.h"
#include <tison/file.h>

/* A regular file open for reading. `path` is borrowed, for messages. Every failure is TN_ERR_IO with path and reason. */
typedef struct tni_file {
    const char *path;
    int64_t size;
    int file;
} tni_file;

bool tni_file_exists(const char *path);                                    /* false only when there is nothing of that name */
bool tni_file_open(tni_file *f, const char *path);                         /* refuses folders, FIFOs, devices */
bool tni_file_read(tni_file *f, void *data, size_t bytes, int64_t offset); /* all of `bytes`, or an error: a file that shrank */
void tni_file_close(tni_file *f);                                          /* also after a failed open, and twice */

/* The whole of a file of at most `limit` bytes. *data is from tni_alloc(*bytes), NULL when the file is empty. */
bool tni_file_read_all(const char *path, size_t limit, void **data, size_t *bytes);

/* The bytes of a file as memory, counted: mapped where the table can, so that only pages that are touched are read, else read as a
 * whole. Writing into it changes no file. When a file is cut while it is mapped, touching what is gone ends the process (SIGBUS). */
typedef struct tni_mapping {
    void *data; /* NULL when the file is empty */
    size_t bytes;
    int32_t refs;
    int (*unmap)(void *context, void *data, size_t bytes); /* NULL: it was read */
    void *context;
} tni_mapping;

tni_mapping *tni_file_map(const char *path); /* refs 1; NULL on failure */
tni_mapping *tni_mapping_share(tni_mapping *m);
void tni_mapping_release(void *mapping); /* NULL passes */

/* Replaces a file as a whole or not at all: a temporary beside it takes what is written, and commit puts it in place. Until then,
 * and after any failure, the old file is as it was. A symbolic link stays and its target is replaced; the permissions of the old
 * file are kept; a write-protected file is refused. */
typedef struct tni_file_writer {
    char *path, *target, *temporary; /* as given, with links followed, beside the target */
    size_t path_room, target_room, temporary_room;
    unsigned char *buffer;
    size_t held;
    int file;
    bool made, failed;
} tni_file_writer;

bool tni_file_writer_begin(tni_file_writer *w, const char *path);
bool tni_file_writer_write(tni_file_writer *w, const void *data, size_t bytes);
/* Commit and abandon end the writer whatever comes out (abandon after that is allowed and does nothing); each writer that began
 * needs one of them. Commit fails after a failed write. Only where its last step fails, the sync of the folder, is the new file in
 * place all the same. */
bool tni_file_writer_commit(tni_file_writer *w);
void tni_file_writer_abandon(tni_file_writer *w);
#endif
