"""An optimized program in the form that XLA gives it on a GPU."""

# 8 images of 4x4 pixels and 16 channels; a 3x3 convolution to 32 channels and its gradients.
GPU = r"""HloModule jit_single, is_scheduled=true, input_output_alias={ {0}: (0, {}, may-alias) }, frontend_attributes={a="{"}

FileNames
1 "train.py"

StackFrames
1 {file_location_id=1 parent_frame_id=1}

%add (x: f32[], y: f32[]) -> f32[] {
  %x = f32[] parameter(0)
  %y = f32[] parameter(1)
  ROOT %sum = f32[] add(%x, %y)
}

%take (p0: u8[1000,4,4,3], p1: s32[8,1]) -> f32[8,4,4,3] {
  %p0 = u8[1000,4,4,3]{3,2,1,0} parameter(0)
  %p1 = s32[8,1]{1,0} parameter(1)
  %gather = u8[8,4,4,3]{3,2,1,0} gather(%p0, %p1), offset_dims={1,2,3}, slice_sizes={1,4,4,3}
  ROOT %convert = f32[8,4,4,3]{3,2,1,0} convert(%gather), metadata={op_name="jit(single)/augment/vmap(vmap())/convert_element_type"}
}

%moments (p: bf16[8,4,4,32]) -> (f32[32], f32[32]) {
  %p = bf16[8,4,4,32]{3,2,1,0} parameter(0)
  %zero = f32[] constant(0)
  %wide = f32[8,4,4,32]{3,2,1,0} convert(%p)
  %reduce = f32[32]{0} reduce(%wide, %zero), dimensions={0,1,2}, to_apply=%add
  %square = f32[8,4,4,32]{3,2,1,0} multiply(%wide, %wide)
  %reduce.1 = f32[32]{0} reduce(%square, %zero), dimensions={0,1,2}, to_apply=%add
  ROOT %both = (f32[32]{0}, f32[32]{0}) tuple(%reduce, %reduce.1)
}

%widen (p: bf16[8,4,4,32], m: f32[32]) -> f32[8,4,4,32] {
  %p.1 = bf16[8,4,4,32]{3,2,1,0} parameter(0)
  %m = f32[32]{0} parameter(1)
  %wide.1 = f32[8,4,4,32]{3,2,1,0} convert(%p.1)
  %spread = f32[8,4,4,32]{3,2,1,0} broadcast(%m), dimensions={3}
  ROOT %centred = f32[8,4,4,32]{3,2,1,0} subtract(%wide.1, %spread)
}

%turn (p: f32[8,4,4,32]) -> bf16[8,32,4,4] {
  %p.2 = f32[8,4,4,32]{3,2,1,0} parameter(0)
  %narrow = bf16[8,4,4,32]{3,2,1,0} convert(%p.2)
  ROOT %transpose = bf16[8,32,4,4]{3,2,1,0} transpose(%narrow), dimensions={0,3,1,2}
}

%gemm (l: bf16[8,32], r: bf16[32,64]) -> bf16[8,64] {
  %l = bf16[8,32]{1,0} parameter(0)
  %r = bf16[32,64]{1,0} parameter(1)
  ROOT %dot.1 = bf16[8,64]{1,0} dot(%l, %r), lhs_contracting_dims={1}, rhs_contracting_dims={0}
}

%wgrad (l: bf16[8,4,4,16], r: bf16[8,4,4,32]) -> bf16[32,3,3,16] {
  %l.1 = bf16[8,4,4,16]{3,2,1,0} parameter(0)
  %r.1 = bf16[8,4,4,32]{3,2,1,0} parameter(1)
  ROOT %conv = bf16[32,3,3,16]{3,2,1,0} convolution(%l.1, %r.1), window={size=4x4 pad=1_1x1_1}, dim_labels=f01b_i01o->f01b, convolution_kind=wgrad, metadata={op_name="jit(single)/transpose(jvp(loss))/ResNet/conv2/conv_general_dilated"}
}

%body (s: (s32[], u32[2])) -> (s32[], u32[2]) {
  %s = (s32[], u32[2]{0}) parameter(0)
  %i = s32[] get-tuple-element(%s), index=0
  %bits = u32[2]{0} get-tuple-element(%s), index=1
  %bits.1 = (u32[2]{0}, u32[2]{0}) custom-call(%bits, %bits), custom_call_target="cu_threefry2x32_ffi", api_version=API_VERSION_TYPED_FFI
  %bits.2 = u32[2]{0} get-tuple-element(%bits.1), index=0
  ROOT %next = (s32[], u32[2]{0}) tuple(%i, %bits.2)
}

%condition (s: (s32[], u32[2])) -> pred[] {
  %s.1 = (s32[], u32[2]{0}) parameter(0)
  %i.1 = s32[] get-tuple-element(%s.1), index=0
  ROOT %less = pred[] compare(%i.1, %i.1), direction=LT, metadata={op_name="jit(single)/optimizer/while/lt"}
}

%enqueue (q: f32[64,8], new: f32[8,8], at: s32[]) -> f32[64,8] {
  %q = f32[64,8]{1,0} parameter(0)
  %new = f32[8,8]{1,0} parameter(1)
  %at = s32[] parameter(2)
  ROOT %dus = f32[64,8]{1,0} dynamic-update-slice(%q, %new, %at, %at)
}

%command_buffer (w: f32[32,3,3,16]) -> f32[32,3,3,16] {
  %w = f32[32,3,3,16]{3,2,1,0} parameter(0)
  ROOT %decayed = f32[32,3,3,16]{3,2,1,0} negate(%w), metadata={op_name="jit(single)/optimizer/mul" stack_frame_id=3}
}

ENTRY %main (data: u8[1000,4,4,3], rows: s32[8,1]) -> f32[64,8] {
  %data = u8[1000,4,4,3]{3,2,1,0} parameter(0), metadata={op_name="resident[0]"}
  %rows = s32[8,1]{1,0} parameter(1)
  %x = bf16[8,4,4,16]{3,2,1,0} parameter(2)
  %kernel = bf16[32,3,3,16]{3,2,1,0} parameter(3)
  %master = f32[32,3,3,16]{3,2,1,0} parameter(4)
  %dense = bf16[32,64]{1,0} parameter(5)
  %queue = f32[64,8]{1,0} parameter(6)
  %new.1 = f32[8,8]{1,0} parameter(7)
  %seed = u32[2]{0} parameter(8)
  %zero.1 = s32[] constant(0)
  %loop_convert_fusion = f32[8,4,4,3]{3,2,1,0} fusion(%data, %rows), kind=kLoop, calls=%take
  %cudnn-conv.1 = (bf16[8,4,4,32]{3,2,1,0}, u8[512]{0}) custom-call(%x, %kernel), window={size=3x3 pad=1_1x1_1}, dim_labels=b01f_o01i->b01f, custom_call_target="__cudnn$convForward", metadata={op_name="jit(single)/jvp(loss)/ResNet/conv1/conv_general_dilated"}, backend_config={"cudnn_conv_backend_config":{"activation_mode":"kNone"}}
  %y = bf16[8,4,4,32]{3,2,1,0} get-tuple-element(%cudnn-conv.1), index=0
  %input_reduce_fusion = (f32[32]{0}, f32[32]{0}) fusion(%y), kind=kInput, calls=%moments, metadata={op_name="jit(single)/jvp(loss)/ResNet/bn1/reduce_sum"}
  %mean = f32[32]{0} get-tuple-element(%input_reduce_fusion), index=0
  %loop_subtract_fusion = f32[8,4,4,32]{3,2,1,0} fusion(%y, %mean), kind=kLoop, calls=%widen, metadata={op_name="jit(single)/jvp(loss)/ResNet/bn1/sub"}
  %input_transpose_fusion = bf16[8,32,4,4]{3,2,1,0} fusion(%loop_subtract_fusion), kind=kInput, calls=%turn
  %back = bf16[8,4,4,32]{3,2,1,0:T(8,128)(2,1)} bitcast(%input_transpose_fusion)
  %cudnn-conv.2 = (bf16[8,8,8,16]{3,2,1,0}, u8[0]{0}) custom-call(bf16[8,4,4,32]{3,2,1,0} %back, %kernel), window={size=3x3 stride=2x2 pad=1_1x1_1}, dim_labels=b01f_o01i->b01f, custom_call_target="__cudnn$convBackwardInput", metadata={op_name="jit(single)/transpose(jvp(loss))/ResNet/conv1/conv_general_dilated"}
  %cudnn-conv.3 = (bf16[32,3,3,16]{3,2,1,0}, u8[0]{0}) custom-call(%x, %back), window={size=3x3 pad=1_1x1_1}, dim_labels=b01f_o01i->b01f, custom_call_target="__cudnn$convBackwardFilter", metadata={op_name="jit(single)/transpose(jvp(loss))/ResNet/conv1/conv_general_dilated"}
  %cudnn-conv.4 = bf16[32,3,3,16]{3,2,1,0} fusion(%x, %back), kind=kCustom, calls=%wgrad, backend_config={"fusion_backend_config":{"kind":"__cudnn$fusion"}}
  %pooled = bf16[8,32]{1,0} slice(%back), slice={[0:8], [0:1], [0:1], [0:32]}, metadata={op_name="jit(single)/jvp(loss)/ResNet/slice"}
  %gemm_fusion_dot = bf16[8,64]{1,0} fusion(%pooled, %dense), kind=kCustom, calls=%gemm, metadata={op_name="jit(single)/jvp(loss)/MLP/linear1/dot_general"}, backend_config={"fusion_backend_config":{"kind":"__triton_gemm","triton_gemm_config":{"block_m":"16"}}}
  %cublas-gemm.1 = (f32[8,8]{1,0}, s8[4194304]{0}) custom-call(%gemm_fusion_dot, %gemm_fusion_dot), custom_call_target="__cublas$lt$matmul", metadata={op_name="jit(single)/jvp(loss)/dot_general"}, backend_config={"gemm_backend_config":{"dot_dimension_numbers":{"lhs_contracting_dimensions":["1"],"rhs_contracting_dimensions":["1"]}}}
  %tuple = (s32[], u32[2]{0}) tuple(%zero.1, /*index=1*/%seed)
  %while.1 = (s32[], u32[2]{0}) while(%tuple), condition=%condition, body=%body, backend_config={"known_trip_count":{"n":"5"},"known_init_step":{"init":"0","step":"1"}}
  %while.2 = (s32[], u32[2]{0}) while(%while.1), condition=%condition, body=%body
  %copy.1 = bf16[8,4,4,16]{1,2,3,0} copy(%x)
  %call = f32[32,3,3,16]{3,2,1,0} call(%master), to_apply=%command_buffer
  %all-reduce-start = f32[32,3,3,16]{3,2,1,0} all-reduce-start(%call), replica_groups={{0,1}}, to_apply=%add
  %all-reduce-done = f32[32,3,3,16]{3,2,1,0} all-reduce-done(%all-reduce-start)
  ROOT %loop_dus_fusion = f32[64,8]{1,0} fusion(%queue, %new.1, %zero.1), kind=kLoop, calls=%enqueue, metadata={op_name="jit(single)/update/dynamic_update_slice"}
}
"""  # noqa: E501
ACTIVATION = 8 * 4 * 4 * 32  # values, 4096
TAPS = 2 * ACTIVATION * 9 * 16  # operations of the 3x3 convolution and of each of its gradients
