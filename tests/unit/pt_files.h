/* tests/unit/pt_files.h - what torch.save 2.13 wrote, byte for byte. */
#ifndef TISON_PT_FILES_H
#define TISON_PT_FILES_H

/* nn.Linear(2, 3) with weight arange(6).reshape(3, 2), bias [0.5, -1, 2]: torch.save(m.state_dict(), "linear.pt") */
static const char linear_file[] =
    "PK\3\4\0\0\10\10\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\17\0\23\0linear/data.pklFB\17\0ZZZZZZZZZZZZZZZ\200\2ccollections"
    "\12OrderedDict\12q\0)Rq\1(X\6\0\0\0weightq\2ctorch._utils\12_rebuild_tensor_v2\12q\3((X\7\0\0\0storageq\4ctorch\12Floa"
    "tStorage\12q\5X\1\0\0\0000q\6X\3\0\0\0cpuq\7K\6tq\10QK\0K\3K\2\206q\11K\2K\1\206q\12\211h\0)Rq\13tq\14Rq\15X\4\0\0\0bi"
    "asq\16h\3((h\4h\5X\1\0\0\0001q\17h\7K\3tq\20QK\0K\3\205q\21K\1\205q\22\211h\0)Rq\23tq\24Rq\25u}q\26X\11\0\0\0_metadata"
    "q\27h\0)Rq\30X\0\0\0\0q\31}q\32X\7\0\0\0versionq\33K\1sssb.PK\7\01033\243\325\"\1\0\0\"\1\0\0PK\3\4\0\0\10\10\0\0\0\0"
    "\0\0\0\0\0\0\0\0\0\0\0\0\0\0\26\0\32\0linear/.format_versionFB\26\0ZZZZZZZZZZZZZZZZZZZZZZ1PK\7\10\267\357\334\203\1\0"
    "\0\0\1\0\0\0PK\3\4\0\0\10\10\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\31\08\0linear/.storage_alignmentFB4\0ZZZZZZZZZZZZZZZZ"
    "ZZZZZZZZZZZZZZZZZZZZZZZZZZZZZZZZZZZZ64PK\7\10\77wq\351\2\0\0\0\2\0\0\0PK\3\4\0\0\10\10\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0"
    "\0\0\20\0@\0linear/byteorderFB<\0ZZZZZZZZZZZZZZZZZZZZZZZZZZZZZZZZZZZZZZZZZZZZZZZZZZZZZZZZZZZZlittlePK\7\10\205=\343\31"
    "\6\0\0\0\6\0\0\0PK\3\4\0\0\10\10\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\15\0\77\0linear/data/0FB;\0ZZZZZZZZZZZZZZZZZZZZZZ"
    "ZZZZZZZZZZZZZZZZZZZZZZZZZZZZZZZZZZZZZ\0\0\0\0\0\0\200\77\0\0\0@\0\0@@\0\0\200@\0\0\240@PK\7\10\27\220\347\221\30\0\0\0"
    "\30\0\0\0PK\3\4\0\0\10\10\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\15\0-\0linear/data/1FB)\0ZZZZZZZZZZZZZZZZZZZZZZZZZZZZZZZ"
    "ZZZZZZZZZZ\0\0\0\77\0\0\200\277\0\0\0@PK\7\10\341\3\246p\14\0\0\0\14\0\0\0PK\3\4\0\0\10\10\0\0\0\0\0\0\0\0\0\0\0\0\0\0"
    "\0\0\0\0\16\08\0linear/versionFB4\0ZZZZZZZZZZZZZZZZZZZZZZZZZZZZZZZZZZZZZZZZZZZZZZZZZZZZ3\12PK\7\10\321\236gU\2\0\0\0\2"
    "\0\0\0PK\3\4\0\0\10\10\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\35\0003\0linear/.data/serialization_idFB/\0ZZZZZZZZZZZZZZZZ"
    "ZZZZZZZZZZZZZZZZZZZZZZZZZZZZZZZ0561108523619670529409408337767447290864PK\7\10:\311|~(\0\0\0(\0\0\0PK\1\2\0\0\0\0\10"
    "\10\0\0\0\0\0\00033\243\325\"\1\0\0\"\1\0\0\17\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0linear/data.pklPK\1\2\0\0\0\0\10\10\0"
    "\0\0\0\0\0\267\357\334\203\1\0\0\0\1\0\0\0\26\0\0\0\0\0\0\0\0\0\0\0\0\0r\1\0\0linear/.format_versionPK\1\2\0\0\0\0\10"
    "\10\0\0\0\0\0\0\77wq\351\2\0\0\0\2\0\0\0\31\0\0\0\0\0\0\0\0\0\0\0\0\0\321\1\0\0linear/.storage_alignmentPK\1\2\0\0\0\0"
    "\10\10\0\0\0\0\0\0\205=\343\31\6\0\0\0\6\0\0\0\20\0\0\0\0\0\0\0\0\0\0\0\0\0R\2\0\0linear/byteorderPK\1\2\0\0\0\0\10\10"
    "\0\0\0\0\0\0\27\220\347\221\30\0\0\0\30\0\0\0\15\0\0\0\0\0\0\0\0\0\0\0\0\0\326\2\0\0linear/data/0PK\1\2\0\0\0\0\10\10"
    "\0\0\0\0\0\0\341\3\246p\14\0\0\0\14\0\0\0\15\0\0\0\0\0\0\0\0\0\0\0\0\0h\3\0\0linear/data/1PK\1\2\0\0\0\0\10\10\0\0\0\0"
    "\0\0\321\236gU\2\0\0\0\2\0\0\0\16\0\0\0\0\0\0\0\0\0\0\0\0\0\334\3\0\0linear/versionPK\1\2\0\0\0\0\10\10\0\0\0\0\0\0:"
    "\311|~(\0\0\0(\0\0\0\35\0\0\0\0\0\0\0\0\0\0\0\0\0R\4\0\0linear/.data/serialization_idPK\6\6,\0\0\0\0\0\0\0\36\3-\0\0\0"
    "\0\0\0\0\0\0\10\0\0\0\0\0\0\0\10\0\0\0\0\0\0\0\3\2\0\0\0\0\0\0\370\4\0\0\0\0\0\0PK\6\7\0\0\0\0\373\6\0\0\0\0\0\0\1\0\0"
    "\0PK\5\6\0\0\0\0\10\0\10\0\3\2\0\0\370\4\0\0\0\0";

/* x = torch.arange(10): torch.save({"a": x, "b": x[2:4], "p": nn.Parameter(torch.ones(1)),
 * "list": [1, -1, 2**40, 0.5, None, True, "text", (1, 2), ()], 3: {"z": b"\xff\0"}}, "nested.pt") */
static const char nested_file[] =
    "PK\3\4\0\0\10\10\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\17\0\23\0nested/data.pklFB\17\0ZZZZZZZZZZZZZZZ\200\2}q\0(X\1\0\0"
    "\0aq\1ctorch._utils\12_rebuild_tensor_v2\12q\2((X\7\0\0\0storageq\3ctorch\12LongStorage\12q\4X\1\0\0\0000q\5X\3\0\0\0c"
    "puq\6K\12tq\7QK\0K\12\205q\10K\1\205q\11\211ccollections\12OrderedDict\12q\12)Rq\13tq\14Rq\15X\1\0\0\0bq\16h\2((h\3h\4"
    "h\5h\6K\12tq\17QK\2K\2\205q\20K\1\205q\21\211h\12)Rq\22tq\23Rq\24X\1\0\0\0pq\25ctorch._utils\12_rebuild_parameter\12q"
    "\26h\2((h\3ctorch\12FloatStorage\12q\27X\1\0\0\0001q\30h\6K\1tq\31QK\0K\1\205q\32K\1\205q\33\211h\12)Rq\34tq\35Rq\36"
    "\210h\12)Rq\37\207q Rq!X\4\0\0\0listq\"]q#(K\1J\377\377\377\377\212\6\0\0\0\0\0\1G\77\340\0\0\0\0\0\0N\210X\4\0\0\0tex"
    "tq$K\1K\2\206q%)eK\3}q&X\1\0\0\0zq'c_codecs\12encode\12q(X\3\0\0\0\303\277\0q)X\6\0\0\0latin1q*\206q+Rq,su.PK\7\10\224"
    "\321Z\343\314\1\0\0\314\1\0\0PK\3\4\0\0\10\10\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\26\0000\0nested/.format_versionFB,\0"
    "ZZZZZZZZZZZZZZZZZZZZZZZZZZZZZZZZZZZZZZZZZZZZ1PK\7\10\267\357\334\203\1\0\0\0\1\0\0\0PK\3\4\0\0\10\10\0\0\0\0\0\0\0\0\0"
    "\0\0\0\0\0\0\0\0\0\31\08\0nested/.storage_alignmentFB4\0ZZZZZZZZZZZZZZZZZZZZZZZZZZZZZZZZZZZZZZZZZZZZZZZZZZZZ64PK\7\10"
    "\77wq\351\2\0\0\0\2\0\0\0PK\3\4\0\0\10\10\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\20\0@\0nested/byteorderFB<\0ZZZZZZZZZZZZ"
    "ZZZZZZZZZZZZZZZZZZZZZZZZZZZZZZZZZZZZZZZZZZZZZZZZlittlePK\7\10\205=\343\31\6\0\0\0\6\0\0\0PK\3\4\0\0\10\10\0\0\0\0\0\0"
    "\0\0\0\0\0\0\0\0\0\0\0\0\15\0\77\0nested/data/0FB;\0ZZZZZZZZZZZZZZZZZZZZZZZZZZZZZZZZZZZZZZZZZZZZZZZZZZZZZZZZZZZ\0\0\0"
    "\0\0\0\0\0\1\0\0\0\0\0\0\0\2\0\0\0\0\0\0\0\3\0\0\0\0\0\0\0\4\0\0\0\0\0\0\0\5\0\0\0\0\0\0\0\6\0\0\0\0\0\0\0\7\0\0\0\0\0"
    "\0\0\10\0\0\0\0\0\0\0\11\0\0\0\0\0\0\0PK\7\10\244\344\205^P\0\0\0P\0\0\0PK\3\4\0\0\10\10\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0"
    "\0\0\0\15\0005\0nested/data/1FB1\0ZZZZZZZZZZZZZZZZZZZZZZZZZZZZZZZZZZZZZZZZZZZZZZZZZ\0\0\200\77PK\7\10jj\241\254\4\0\0"
    "\0\4\0\0\0PK\3\4\0\0\10\10\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\16\0@\0nested/versionFB<\0ZZZZZZZZZZZZZZZZZZZZZZZZZZZZZ"
    "ZZZZZZZZZZZZZZZZZZZZZZZZZZZZZZZ3\12PK\7\10\321\236gU\2\0\0\0\2\0\0\0PK\3\4\0\0\10\10\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0"
    "\0\35\0003\0nested/.data/serialization_idFB/\0ZZZZZZZZZZZZZZZZZZZZZZZZZZZZZZZZZZZZZZZZZZZZZZZ0561108523619670529403679"
    "245812598016378PK\7\10$\207\266\267(\0\0\0(\0\0\0PK\1\2\0\0\0\0\10\10\0\0\0\0\0\0\224\321Z\343\314\1\0\0\314\1\0\0\17"
    "\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0nested/data.pklPK\1\2\0\0\0\0\10\10\0\0\0\0\0\0\267\357\334\203\1\0\0\0\1\0\0\0\26\0"
    "\0\0\0\0\0\0\0\0\0\0\0\0\34\2\0\0nested/.format_versionPK\1\2\0\0\0\0\10\10\0\0\0\0\0\0\77wq\351\2\0\0\0\2\0\0\0\31\0"
    "\0\0\0\0\0\0\0\0\0\0\0\0\221\2\0\0nested/.storage_alignmentPK\1\2\0\0\0\0\10\10\0\0\0\0\0\0\205=\343\31\6\0\0\0\6\0\0"
    "\0\20\0\0\0\0\0\0\0\0\0\0\0\0\0\22\3\0\0nested/byteorderPK\1\2\0\0\0\0\10\10\0\0\0\0\0\0\244\344\205^P\0\0\0P\0\0\0\15"
    "\0\0\0\0\0\0\0\0\0\0\0\0\0\226\3\0\0nested/data/0PK\1\2\0\0\0\0\10\10\0\0\0\0\0\0jj\241\254\4\0\0\0\4\0\0\0\15\0\0\0\0"
    "\0\0\0\0\0\0\0\0\0`\4\0\0nested/data/1PK\1\2\0\0\0\0\10\10\0\0\0\0\0\0\321\236gU\2\0\0\0\2\0\0\0\16\0\0\0\0\0\0\0\0\0"
    "\0\0\0\0\324\4\0\0nested/versionPK\1\2\0\0\0\0\10\10\0\0\0\0\0\0$\207\266\267(\0\0\0(\0\0\0\35\0\0\0\0\0\0\0\0\0\0\0\0"
    "\0R\5\0\0nested/.data/serialization_idPK\6\6,\0\0\0\0\0\0\0\36\3-\0\0\0\0\0\0\0\0\0\10\0\0\0\0\0\0\0\10\0\0\0\0\0\0\0"
    "\3\2\0\0\0\0\0\0\370\5\0\0\0\0\0\0PK\6\7\0\0\0\0\373\7\0\0\0\0\0\0\1\0\0\0PK\5\6\0\0\0\0\10\0\10\0\3\2\0\0\370\5\0\0\0"
    "\0";

#endif
